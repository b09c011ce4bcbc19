using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels;

/// <summary>Who watches whose public pipes, and what a pipe looks like to its owner. Thread-safe.</summary>
internal sealed class PipeWatches
{
    private readonly Watches<Watched> _watches;
    private readonly BackendRegistry _backend;
    private readonly Sessions _sessions;
    private readonly PipeTallies _tallies;
    private readonly Node _node;
    private readonly ILogger<PipeWatches> _logger;

    public PipeWatches(BackendRegistry backend, Sessions sessions, PipeTallies tallies, Node node, TimeProvider time, ILogger<PipeWatches> logger)
    {
        (_backend, _sessions, _tallies, _node, _logger) = (backend, sessions, tallies, node, logger);
        _watches = new(time, EqualityComparer<Watched>.Create(
            (one, other) => one?.Entry.Name == other?.Entry.Name && one?.Entry.Client == other?.Entry.Client && one?.Entry.Session == other?.Entry.Session, w => w.Entry.Name.GetHashCode(StringComparison.Ordinal)));
        tallies.Used += entry => Mark(entry, PipeChangeKind.Used);
        sessions.LinkChanged += session => _ = MarkAllAsync(session);
    }

    /// <summary>Whether nobody watches.</summary>
    public bool IsEmpty => _watches.IsEmpty;

    /// <summary>As <see cref="Watches{T}.Start"/>; <paramref name="tell"/> sends the event.</summary>
    public bool Start(IIdentityHolder watcher, string actingAs, string? name, string? client, Func<PipesChangedEvent, Task> tell) => _watches.Start(watcher, actingAs, name, client, async page =>
    {
        var changes = new List<PipeChange>(page.Length);
        foreach (var (kind, pipe) in page)
        {
            changes.Add(await ChangeAsync(pipe, kind));
        }

        await tell(new PipesChangedEvent { Changes = [.. changes], Watch = name });
    });

    /// <summary>As <see cref="Watches{T}.Stop"/>.</summary>
    public void Stop(IIdentityHolder watcher, string actingAs, string? name) => _watches.Stop(watcher, actingAs, name);

    /// <summary>As <see cref="Watches{T}.StopAll"/>.</summary>
    public void StopAll(IIdentityHolder watcher, string? actingAs = null) => _watches.StopAll(watcher, actingAs);

    /// <summary>Something happened to a pipe, a word of <see cref="PipeChangeKind"/>.</summary>
    public void Mark(PipeEntry entry, string kind)
    {
        if (!_watches.IsEmpty)
        {
            _watches.Mark(new Watched(entry, _tallies.Of(entry)), entry.Client, kind);
        }
    }

    /// <summary>A registration as its owner sees it.</summary>
    public PipeInfo Info(PipeEntry entry) => Info(entry, _tallies.Of(entry));

    private PipeInfo Info(PipeEntry entry, PipeTallies.Tally tally) => new()
    {
        Name = entry.Name,
        Url = entry.Url,
        Resource = entry.Resource,
        Client = entry.Client,
        State = entry.Node == _node.Name && _sessions.Find(entry.Client, entry.Session)?.Link is null ? "away" : "serving",
        Since = entry.Since.ToUnixTimeMilliseconds(),
        Use = tally.Use,
        Session = entry.Session,
        Node = entry.Node,
    };

    private async Task<PipeChange> ChangeAsync(Watched pipe, string kind)
    {
        if (kind != PipeChangeKind.Removed)
        {
            // Where another session took it over meanwhile, it is what that one made of it.
            var now = await _backend.ReadAllAsync(pipe.Entry.Name, CancellationToken.None);
            if ((now.FirstOrDefault(e => e.Session == pipe.Entry.Session) ?? now.FirstOrDefault(e => !e.StandsBeside(pipe.Entry))) is { } there && there.Client == pipe.Entry.Client)
            {
                return new() { Kind = kind, Pipe = Info(there) };
            }
        }

        return new() { Kind = PipeChangeKind.Removed, Pipe = Info(pipe.Entry, pipe.Tally) with { State = "gone" } };
    }

    private async Task MarkAllAsync(Session session)
    {
        if (_watches.IsEmpty)
        {
            return;
        }

        try
        {
            foreach (var entry in await _backend.ListAsync(session.Client, CancellationToken.None))
            {
                if (entry.Session == session.Id)
                {
                    Mark(entry, PipeChangeKind.Changed);
                }
            }
        }
        catch (Exception e)
        {
            // Nobody waits for this; the next change of the pipe, or the next list, tells its state.
            Log.PipesNotMarked(_logger, e, VisibleText.Of(session.Client, VisibleText.LogLength));
        }
    }

    /// <summary>A registration with its counts, which outlive it for those who are told of its end.</summary>
    private sealed record Watched(PipeEntry Entry, PipeTallies.Tally Tally);
}
