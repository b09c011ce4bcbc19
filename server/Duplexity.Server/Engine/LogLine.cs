namespace Duplexity.Server.Engine;

/// <summary>
/// What waits for the log's writer: one line, in the order of the calls, and how much of it is whose. A client has a tenth of the clients' room at most, so that one that floods fills nobody else's; what the node does by itself
/// has a room of its own. Not thread-safe.
/// </summary>
internal sealed class LogLine(LimitOptions limits)
{
    private const int Parts = 10;

    /// <summary>What a client that is refused waits at least: a commit or two.</summary>
    private const int PauseMs = 100;

    private readonly Queue<LogWork> _line = new();
    private readonly Dictionary<string, Room> _clients = new(StringComparer.Ordinal);
    private readonly Room _ofClients = new();
    private readonly Room _own = new();

    public IEnumerable<LogWork> All => _line;

    public int Count => _line.Count;

    /// <summary>Puts work into line.</summary>
    /// <exception cref="DuplexityException">Too much waits already, or too much of this client; nothing was stored.</exception>
    public void Add(LogWork work)
    {
        if (Full(work) is { } refused)
        {
            throw new DuplexityException(refused);
        }

        foreach (var room in RoomsOf(work))
        {
            room.Count++;
            room.Bytes += work.Bytes;
        }

        _line.Enqueue(work);
    }

    /// <summary>The next one; false where nothing waits.</summary>
    public bool TryPeek([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out LogWork? work) => _line.TryPeek(out work);

    /// <summary>Takes the next one out of the line.</summary>
    public LogWork Take()
    {
        var work = _line.Dequeue();
        foreach (var room in RoomsOf(work))
        {
            room.Count--;
            room.Bytes -= work.Bytes;
        }

        if (work.Client is { } client && _clients[client].Count == 0)
        {
            _clients.Remove(client);
        }

        return work;
    }

    private DuplexityError? Full(LogWork work)
    {
        var all = work.Client is null ? _own : _ofClients;
        if (all.Count >= limits.AppendsWaiting || all.Bytes > limits.AppendBytesWaiting)
        {
            return DuplexityError.Of(Errors.Unavailable, "More waits for the node's disk than it takes; nothing was stored, send again in a moment.");
        }

        if (work.Client is null || !_clients.TryGetValue(work.Client, out var own))
        {
            return null;
        }

        var (most, mostBytes) = (Math.Max(1, limits.AppendsWaiting / Parts), limits.AppendBytesWaiting / Parts);
        if (own.Count < most && own.Bytes <= mostBytes)
        {
            return null;
        }

        var isCount = own.Count >= most;
        return DuplexityError.Of(Errors.RateLimited, $"{own.Count} messages of this client, {own.Bytes} bytes, wait for the node's disk; one client may have {most} there and {mostBytes} bytes. Nothing was stored, send again in a moment.") with
        {
            Limit = isCount ? "appends_waiting_per_client" : "append_bytes_waiting_per_client",
            Used = isCount ? own.Count : own.Bytes,
            RetryAfterMs = PauseMs,
        };
    }

    private Room[] RoomsOf(LogWork work)
    {
        if (work.Client is not { } client)
        {
            return [_own];
        }

        if (!_clients.TryGetValue(client, out var room))
        {
            _clients[client] = room = new Room();
        }

        return [_ofClients, room];
    }

    private sealed class Room
    {
        public int Count { get; set; }

        public long Bytes { get; set; }
    }
}
