using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>The exchanges that this node keeps, in memory only: of each pipe at most <see cref="LimitOptions.InspectorBytesPerPipe"/>, of all three quarters of <see cref="LimitOptions.InspectorBytes"/>, the oldest out first. Thread-safe.</summary>
internal sealed class ExchangeStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ExchangeShelf> _shelves = new(StringComparer.Ordinal);
    private readonly LinkedList<ExchangeBook.Kept> _all = new();
    private readonly LimitOptions _limits;
    private readonly string _node;
    private long _number;
    private long _place; // the last one of any shelf

    public ExchangeStore(Node node, IOptions<DuplexityOptions> options, TimeProvider time, CarrierPools pools)
    {
        // Both grow also over lives of the node.
        (_node, _limits, _number) = (node.Name, options.Value.Limits, time.GetUtcNow().ToUnixTimeMilliseconds() << 8);
        _place = _number;
        pools.Ended += End;
        pools.Changed += now =>
        {
            if (now.Settings.Inspect != true)
            {
                End(now);
            }
        };
    }

    /// <summary>Bytes that are kept.</summary>
    public long Bytes { get; private set; }

    /// <summary>The registrations of which something may be kept.</summary>
    public IReadOnlyList<PipeEntry> Entries
    {
        get
        {
            lock (_lock)
            {
                return [.. _shelves.Values.SelectMany(s => s.Books).Select(b => b.Entry)];
            }
        }
    }

    /// <summary>An id that no other exchange has: a number that grows, also over lives of the node, and the node.</summary>
    public string NewId() => $"{Interlocked.Increment(ref _number):x}-{_node}";

    /// <summary>Which node has an exchange of this id; null: it is none.</summary>
    public static string? NodeOf(string id) => id.IndexOf('-') is > 0 and var dash && dash < id.Length - 1 ? id[(dash + 1)..] : null;

    /// <summary>The registration's book, beside those of sessions that share its name. Older ones of the name are over; where a newer one is there already, this one is kept nowhere.</summary>
    public ExchangeBook Open(PipeEntry entry)
    {
        lock (_lock)
        {
            if (Find(entry) is { } book)
            {
                return book;
            }

            var others = _shelves.GetValueOrDefault(entry.Name)?.Books.FindAll(b => !b.Entry.StandsBeside(entry)) ?? [];
            if (others.Exists(b => b.Entry.Generation > entry.Generation))
            {
                return new(entry, new(_place)) { IsOver = true };
            }

            others.ForEach(Close);
            if (!_shelves.TryGetValue(entry.Name, out var shelf))
            {
                _shelves.Add(entry.Name, shelf = new(_place));
            }

            book = new(entry, shelf);
            shelf.Books.Add(book);
            return book;
        }
    }

    /// <summary>Keeps an exchange, if its registration is not over.</summary>
    public void Add(ExchangeBook book, ExchangeDetail exchange, long bytes)
    {
        lock (_lock)
        {
            Count(book, exchange.Exchange.Id);
            if (book.IsOver || bytes > _limits.InspectorBytesPerPipe)
            {
                return;
            }

            var kept = new ExchangeBook.Kept(exchange, bytes, book);
            book.Exchanges.AddLast(kept);
            kept.Place = _all.AddLast(kept);
            book.Bytes += bytes;
            Bytes += bytes;
            while (book.Bytes > _limits.InspectorBytesPerPipe)
            {
                RemoveFirst(book);
            }

            while (Bytes > _limits.InspectorBytes / 4 * 3 && _all.First is { } oldest)
            {
                RemoveFirst(oldest.Value.Book);
            }
        }
    }

    /// <summary>One that is not kept: there were too many at once.</summary>
    public void Miss(ExchangeBook book, string id)
    {
        lock (_lock)
        {
            Count(book, id);
        }
    }

    /// <summary>A replay begins, of which the result is awaited; false: <paramref name="most"/> of the pipe are under way.</summary>
    public bool TryBegin(ExchangeBook book, string id, int most)
    {
        lock (_lock)
        {
            return !book.IsOver && book.Running.Count < most && book.Running.Add(id);
        }
    }

    /// <summary>Of the exchanges of registrations of one name those behind a place, at most <paramref name="most"/>, the oldest of them; where <paramref name="after"/> is null, the newest.</summary>
    public ExchangePage Page(IReadOnlyList<PipeEntry> entries, long? after, int most)
    {
        lock (_lock)
        {
            var books = FindAll(entries);
            if (books.Count == 0)
            {
                return ExchangePage.None(after);
            }

            var shelf = books[0].Shelf;
            if (after is not { } place)
            {
                return new([.. books.SelectMany(b => b.Exchanges.TakeLast(most)).OrderBy(k => k.Number).TakeLast(most).Select(k => k.Line)], shelf.End, 0);
            }

            place = Math.Max(place, shelf.Start);
            ExchangeBook.Kept[] newer = [.. books.SelectMany(b => b.Behind(place)).OrderBy(k => k.Number)];
            var page = newer.Take(most).ToArray();
            var through = page.Length < newer.Length ? page[^1].Number : shelf.End;
            return new([.. page.Select(k => k.Line)], through, Math.Max(0, through - place - page.Length));
        }
    }

    /// <summary>One exchange of registrations of one name, and whose it is; or whether it is a replay that is under way.</summary>
    public (PipeEntry? Of, ExchangeDetail? Exchange, bool IsRunning) Read(IReadOnlyList<PipeEntry> entries, string id)
    {
        lock (_lock)
        {
            var books = FindAll(entries);
            var kept = books.SelectMany(b => b.Exchanges).FirstOrDefault(k => k.Exchange.Exchange.Id == id);
            return (kept?.Book.Entry, kept?.Exchange, books.Exists(b => b.Running.Contains(id)));
        }
    }

    /// <summary>The registration is over, and everything that is kept of it.</summary>
    public void End(PipeEntry entry)
    {
        lock (_lock)
        {
            if (Find(entry) is { } book)
            {
                Close(book);
            }
        }
    }

    private ExchangeBook? Find(PipeEntry entry) => _shelves.GetValueOrDefault(entry.Name)?.Books.Find(b => b.Is(entry));

    private List<ExchangeBook> FindAll(IReadOnlyList<PipeEntry> entries) => entries.Count > 0 && _shelves.GetValueOrDefault(entries[0].Name) is { } shelf ? shelf.Books.FindAll(b => entries.Any(b.Is)) : [];

    private void Count(ExchangeBook book, string id)
    {
        book.Shelf.End++;
        _place = Math.Max(_place, book.Shelf.End);
        book.Running.Remove(id);
    }

    private void Close(ExchangeBook book)
    {
        book.IsOver = true;
        if (book.Shelf.Books.Remove(book) && book.Shelf.Books.Count == 0)
        {
            _shelves.Remove(book.Entry.Name);
        }

        while (book.Exchanges.Count > 0)
        {
            RemoveFirst(book);
        }
    }

    private void RemoveFirst(ExchangeBook book)
    {
        var kept = book.Exchanges.First!.Value;
        book.Exchanges.RemoveFirst();
        _all.Remove(kept.Place!);
        book.Bytes -= kept.Bytes;
        Bytes -= kept.Bytes;
    }
}
