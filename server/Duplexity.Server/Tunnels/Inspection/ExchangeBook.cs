using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>The exchanges that are kept of one registration (name, owner, generation): they end with it (G7). Guarded by the <see cref="ExchangeStore"/>'s lock.</summary>
internal sealed class ExchangeBook(PipeEntry entry)
{
    public PipeEntry Entry { get; } = entry;

    public LinkedList<Kept> Exchanges { get; } = new();

    public long Bytes { get; set; }

    /// <summary>How many there were, kept or not: the number of the last one.</summary>
    public long Count { get; set; }

    /// <summary>Nothing is kept in it any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Replays that have begun and have not been kept yet, by id.</summary>
    public HashSet<string> Running { get; } = [];

    public bool Is(PipeEntry other) => Entry.Name == other.Name && Entry.Client == other.Client && Entry.Generation == other.Generation;

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

        /// <summary>The how manieth of its book it was.</summary>
        public long Number { get; } = book.Count;

        /// <summary>Its place among those of all books.</summary>
        public LinkedListNode<Kept>? Place { get; set; }
    }
}

/// <summary>Exchanges of a book behind a place in it.</summary>
/// <param name="Exchanges">Oldest first.</param>
/// <param name="Through">The place behind them.</param>
/// <param name="LeftOut">How many there were between that are not kept (any more).</param>
internal sealed record ExchangePage(KeptExchange[] Exchanges, long Through, long LeftOut)
{
    public static readonly ExchangePage None = new([], 0, 0);
}
