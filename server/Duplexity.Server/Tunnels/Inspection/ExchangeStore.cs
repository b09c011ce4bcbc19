using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>The exchanges that this node keeps, in memory only: of each pipe at most <see cref="LimitOptions.InspectorBytesPerPipe"/>, of all three quarters of <see cref="LimitOptions.InspectorBytes"/>, the oldest out first. Thread-safe.</summary>
internal sealed class ExchangeStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ExchangeBook> _books = new(StringComparer.Ordinal);
    private readonly LinkedList<ExchangeBook.Kept> _all = new();
    private readonly LimitOptions _limits;
    private readonly string _node;
    private long _number;

    public ExchangeStore(Node node, IOptions<DuplexityOptions> options, TimeProvider time, CarrierPools pools)
    {
        (_node, _limits, _number) = (node.Name, options.Value.Limits, time.GetUtcNow().ToUnixTimeMilliseconds() << 8);
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
                return [.. _books.Values.Select(b => b.Entry)];
            }
        }
    }

    /// <summary>An id that no other exchange has: a number that grows, also over lives of the node, and the node.</summary>
    public string NewId() => $"{Interlocked.Increment(ref _number):x}-{_node}";

    /// <summary>Which node has an exchange of this id; null: it is none.</summary>
    public static string? NodeOf(string id) => id.IndexOf('-') is > 0 and var dash && dash < id.Length - 1 ? id[(dash + 1)..] : null;

    /// <summary>The registration's book. An older one of the name is over; where a newer one is there already, this one is kept nowhere.</summary>
    public ExchangeBook Open(PipeEntry entry)
    {
        lock (_lock)
        {
            if (_books.TryGetValue(entry.Name, out var book))
            {
                if (book.Is(entry))
                {
                    return book;
                }

                if (book.Entry.Generation > entry.Generation)
                {
                    return new(entry) { IsOver = true };
                }

                Close(book);
            }

            return _books[entry.Name] = new(entry);
        }
    }

    /// <summary>Keeps an exchange, if its registration is not over.</summary>
    public void Add(ExchangeBook book, ExchangeDetail exchange, long bytes)
    {
        lock (_lock)
        {
            book.Count++;
            book.Running.Remove(exchange.Exchange.Id);
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
            book.Count++;
            book.Running.Remove(id);
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

    /// <summary>Of a registration's exchanges those behind a place, at most <paramref name="most"/>, the oldest of them; where <paramref name="after"/> is null, the newest.</summary>
    public ExchangePage Page(PipeEntry entry, long? after, int most)
    {
        lock (_lock)
        {
            if (Find(entry) is not { } book)
            {
                return ExchangePage.None;
            }

            if (after is not { } place)
            {
                return new([.. book.Exchanges.TakeLast(most).Select(k => k.Line)], book.Count, 0);
            }

            var newer = new List<ExchangeBook.Kept>();
            for (var kept = book.Exchanges.Last; kept is not null && kept.Value.Number > place; kept = kept.Previous)
            {
                newer.Add(kept.Value);
            }

            newer.Reverse();
            var page = newer.Take(most).ToArray();
            var through = page.Length < newer.Count ? page[^1].Number : book.Count;
            return new([.. page.Select(k => k.Line)], through, Math.Max(0, through - place - page.Length));
        }
    }

    /// <summary>One exchange of a registration; or whether it is a replay that is under way.</summary>
    public (ExchangeDetail? Exchange, bool IsRunning) Read(PipeEntry entry, string id)
    {
        lock (_lock)
        {
            var book = Find(entry);
            return (book?.Exchanges.FirstOrDefault(k => k.Exchange.Exchange.Id == id)?.Exchange, book?.Running.Contains(id) == true);
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

    private ExchangeBook? Find(PipeEntry entry) => _books.GetValueOrDefault(entry.Name) is { } book && book.Is(entry) ? book : null;

    private void Close(ExchangeBook book)
    {
        book.IsOver = true;
        _books.Remove(book.Entry.Name);
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
