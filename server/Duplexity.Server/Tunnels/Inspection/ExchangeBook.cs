using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>
/// The books of one name: several where sessions share it. All exchanges of the name are counted in one line, kept or not, so that a reader's place is one number. Guarded by the <see cref="ExchangeStore"/>'s lock.
/// </summary>
/// <param name="start">The place before the first exchange. Places of earlier shelves are not behind it: whoever has one has none of this one's exchanges.</param>
internal sealed class ExchangeShelf(long start)
{
    public long Start { get; } = start;

    /// <summary>The place behind the last one.</summary>
    public long End { get; set; } = start;

    public List<ExchangeBook> Books { get; } = [];
}

/// <summary>The exchanges that are kept of one registration (name, owner, generation): they end with it (G7). Guarded by the <see cref="ExchangeStore"/>'s lock.</summary>
internal sealed class ExchangeBook(PipeEntry entry, ExchangeShelf shelf)
{
    public PipeEntry Entry { get; } = entry;

    public ExchangeShelf Shelf => shelf;

    public LinkedList<Kept> Exchanges { get; } = new();

    public long Bytes { get; set; }

    /// <summary>Nothing is kept in it any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Replays that have begun and have not been kept yet, by id.</summary>
    public HashSet<string> Running { get; } = [];

    public bool Is(PipeEntry other) => Entry.IsOf(other);

    /// <summary>Those behind a place, the newest first.</summary>
    public IEnumerable<Kept> Behind(long place)
    {
        for (var kept = Exchanges.Last; kept is not null && kept.Value.Number > place; kept = kept.Previous)
        {
            yield return kept.Value;
        }
    }

    /// <summary>One of them; always removed at the front of its book.</summary>
    /// <param name="exchange">What is kept.</param>
    /// <param name="bytes">What it takes.</param>
    /// <param name="book">Its book.</param>
    internal sealed class Kept(ExchangeDetail exchange, long bytes, ExchangeBook book)
    {
        public ExchangeDetail Exchange => exchange;

        /// <summary>The exchange in a list: a page of a thousand has to go over every wire.</summary>
        public KeptExchange Line { get; } = exchange.Exchange.Target.Length > VisibleText.LogLength ? exchange.Exchange with { Target = exchange.Exchange.Target[..VisibleText.LogLength] } : exchange.Exchange;

        public long Bytes => bytes;

        public ExchangeBook Book => book;

        /// <summary>The how manieth of its shelf it was.</summary>
        public long Number { get; } = book.Shelf.End;

        /// <summary>Its place among those of all books.</summary>
        public LinkedListNode<Kept>? Place { get; set; }
    }
}

/// <summary>Exchanges of a shelf behind a place in it.</summary>
/// <param name="Exchanges">Oldest first.</param>
/// <param name="Through">The place behind them.</param>
/// <param name="LeftOut">How many there were between that are not kept (any more).</param>
internal sealed record ExchangePage(KeptExchange[] Exchanges, long Through, long LeftOut)
{
    /// <summary>There are none; who reads stays where it is.</summary>
    public static ExchangePage None(long? after) => new([], after ?? 0, 0);
}
