using System.Collections.Concurrent;
using Duplexity.Server.Cluster;

namespace Duplexity.Server.Sockets;

/// <summary>
/// The sessions of this node. A session begins with Discover, outlives the loss of its control connection by a grace, and then ends once, by
/// <see cref="Ended"/>: whoever keeps something for sessions (pipes) lets it go there. Thread-safe.
/// </summary>
internal sealed class Sessions(TimeProvider time, Microsoft.Extensions.Options.IOptions<DuplexityOptions> options) : INodeLoad
{
    private readonly ConcurrentDictionary<(string Client, string Id), Entry> _entries = new();
    private readonly SessionEnds _takenOver = new(time, options);

    /// <summary>Raised once for each session that is over, with the generation it had: after the grace, or at once after a courtesy disconnect. Handlers must not throw.</summary>
    public event Func<Session, long, Task>? Ended;

    /// <summary>Raised when a session's control connection has come or gone, the end of the session apart. Handlers must not throw or wait.</summary>
    public event Action<Session>? LinkChanged;

    /// <inheritdoc/>
    public string Name => "sessions";

    /// <inheritdoc/>
    public int Count => _entries.Count;

    public Session? Find(string client, string id) => _entries.TryGetValue((client, id), out var entry) && entry.Session.Generation > 0 ? entry.Session : null;

    /// <summary>All sessions, those in their grace included.</summary>
    public IReadOnlyCollection<Session> All => [.. _entries.Values.Select(e => e.Session).Where(s => s.Generation > 0)];

    /// <summary>The sessions of a client, those in their grace included.</summary>
    public IReadOnlyCollection<Session> OfClient(string client) => [.. All.Where(s => s.Client == client)];

    /// <summary>Binds a control connection to its session; the one that gives way, of the lower generation, is returned, to be told so.</summary>
    public (Session Session, ControlLink? Replaced) Establish(string client, string id, ControlLink link)
    {
        var established = Bind(client, id, link);
        LinkChanged?.Invoke(established.Session);
        return established;
    }

    private (Session Session, ControlLink? Replaced) Bind(string client, string id, ControlLink link)
    {
        while (true)
        {
            var entry = _entries.GetOrAdd((client, id), key => new Entry(new Session(key.Client, key.Id)));
            lock (entry)
            {
                if (entry.IsOver)
                {
                    continue;
                }

                entry.Grace?.Dispose();
                entry.Grace = null;
                var replaced = entry.Session.Link;
                if (replaced?.Generation > link.Generation)
                {
                    // Two at once, and the older one comes last: the newer one stays.
                    return (entry.Session, link);
                }

                entry.Session.Link = link;
                entry.Established.TrySetResult(entry.Session);
                return (entry.Session, replaced?.ConnectionId == link.ConnectionId ? null : replaced);
            }
        }
    }

    /// <summary>
    /// The session once it has a live control connection; null if it has none within <see cref="TimeOptions.ControlWait"/>. A data connection that comes first waits here.
    /// </summary>
    public async Task<Session?> WaitAsync(string client, string id, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.Value.Times.ControlWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        while (true)
        {
            var entry = _entries.GetOrAdd((client, id), key => new Entry(new Session(key.Client, key.Id)));
            Task<Session> established;
            lock (entry)
            {
                if (entry.IsOver)
                {
                    continue;
                }

                if (entry.Session.Link is not null)
                {
                    return entry.Session;
                }

                entry.Waiting++;
                established = entry.Established.Task;
            }

            try
            {
                return await established.WaitAsync(either.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                return null;
            }
            finally
            {
                lock (entry)
                {
                    entry.Waiting--;
                    ForgetIfUnusedUnsynchronized(entry);
                }
            }
        }
    }

    /// <summary>The control connection was lost: the session ends after <see cref="TimeOptions.SessionGrace"/> unless another one comes. An older connection's loss changes nothing.</summary>
    public void Lose(Session session, string connectionId)
    {
        if (!_entries.TryGetValue((session.Client, session.Id), out var entry))
        {
            return;
        }

        lock (entry)
        {
            if (entry.IsOver || entry.Session.Link?.ConnectionId != connectionId)
            {
                return;
            }

            entry.Session.Link = null;
            entry.Established = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var grace = ++entry.Losses;

            // A timer that has begun to call back is not stopped by disposing of it: the session may be back by then, or in another grace.
            entry.Grace = time.CreateTimer(_ => _ = EndAsync(session, entry, grace), null, options.Value.Times.SessionGrace, Timeout.InfiniteTimeSpan);
        }

        LinkChanged?.Invoke(session);
    }

    /// <summary>The session is over now: a courtesy disconnect, or a revocation, which cuts its visitors (<paramref name="isCut"/>). Idempotent. Completes when what was kept for it is let go.</summary>
    public Task EndAsync(Session session, bool isCut = false)
    {
        session.IsCut |= isCut;
        return _entries.TryGetValue((session.Client, session.Id), out var entry) && ReferenceEquals(entry.Session, session) ? EndAsync(session, entry, null) : Task.CompletedTask;
    }

    private async Task EndAsync(Session session, Entry entry, int? grace)
    {
        lock (entry)
        {
            if (entry.IsOver || (grace is not null && (entry.Session.Link is not null || entry.Losses != grace)))
            {
                return;
            }

            entry.IsOver = true;
            entry.Grace?.Dispose();
            entry.Session.Link = null;
            _entries.TryRemove(new((session.Client, session.Id), entry));
        }

        foreach (var handler in Ended?.GetInvocationList() ?? [])
        {
            await ((Func<Session, long, Task>)handler)(session, session.Generation);
        }
    }

    /// <summary>A newer session took what this one had: it is told to stay away and is over. Otherwise it would come back and take the name again, and so on for ever.</summary>
    public void TakeOver(string client, string id, string reason)
    {
        // Every node does, as the news of the pipe come to it: the session may not hear of this, and may come back to another node.
        _takenOver.Remember(client, id, Errors.TakenOver.Code, reason);
        if (Find(client, id) is { } older)
        {
            older.Link?.Close(Errors.TakenOver, reason);
            _ = EndAsync(older);
        }
    }

    /// <summary>Why a session is to stay away; null: it is not.</summary>
    public DuplexityError? StaysAway(string client, string id) => _takenOver.Find(client, id) is { } end ? DuplexityError.Of(Errors.TakenOver, end.Reason) : null;

    private void ForgetIfUnusedUnsynchronized(Entry entry)
    {
        if (entry is { IsOver: false, Waiting: 0 } && entry.Session.Generation == 0)
        {
            entry.IsOver = true;
            _entries.TryRemove(new((entry.Session.Client, entry.Session.Id), entry));
        }
    }

    private sealed class Entry(Session session)
    {
        public Session Session { get; } = session;
        public TaskCompletionSource<Session> Established { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public ITimer? Grace { get; set; }
        public int Losses { get; set; }
        public int Waiting { get; set; }
        public bool IsOver { get; set; }
    }
}
