using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>Tells the other nodes which registrations are over or are changed, so that no visitor there is served by what they were (G7, G8), and which ports of TCP pipes to listen on. Thread-safe.</summary>
internal sealed class PipeNews(
    IEngine engine, Node node, BackendRegistry backend, PipeChanges changes, Sessions sessions, TcpFront tcp, PipePorts ports, ClosedPipes closed, FrontNews fronts, IOptions<DuplexityOptions> options, ILogger<PipeNews> logger) : ISystemListener
{
    /// <inheritdoc/>
    public string Kind => "pipe";

    /// <summary>These have been registered, and took the place of those; completes when no node serves visitors by the old ones any more, or after <see cref="TimeOptions.Confirm"/>.</summary>
    /// <param name="session">Whose they are.</param>
    /// <param name="entries">What is registered, and was not so before.</param>
    /// <param name="replaced">Older registrations that gave way.</param>
    /// <param name="changed">Those of <paramref name="entries"/> that their session changed in place, or made anew.</param>
    public async Task RegisteredAsync(string session, IReadOnlyList<PipeEntry> entries, IReadOnlyList<PipeEntry> replaced, IReadOnlyList<ChangedPipe> changed)
    {
        changes.Take([.. changed.Select(c => c.Now)]);
        var opened = entries.Select(e => e.Name).Where(PipePorts.IsPort).ToArray();
        var joined = entries.Where(e => e.IsShared).Select(e => e.Name).ToList();
        foreach (var entry in entries)
        {
            if (!entry.IsShared && await backend.IsCoveredAsync(entry, CancellationToken.None))
            {
                joined.Add(entry.Name);
            }
        }

        if (opened.Length > 0 || replaced.Count > 0 || joined.Count > 0 || changed.Count > 0)
        {
            await TellAsync(new(node.Name, new([.. replaced], false, session, opened, [.. joined], [.. changed.Select(c => c.Now)])), changed);
        }
    }

    /// <summary>These are over; completes when no node serves visitors by them any more, or after <see cref="TimeOptions.Confirm"/>.</summary>
    public async Task RemovedAsync(IReadOnlyList<PipeEntry> removed, bool isCut)
    {
        if (removed.Count > 0)
        {
            await TellAsync(new(node.Name, new([.. removed], isCut, null, [], [], [])), []);
        }
    }

    /// <summary>These were closed by somebody with the right to: their session is told, wherever it is, and where <paramref name="isBlocked"/> it does not get the names for a while. Completes as <see cref="RemovedAsync"/>.</summary>
    public Task ClosedAsync(IReadOnlyList<PipeEntry> removed, string reason, bool isBlocked)
    {
        if (removed.Count == 0)
        {
            return Task.CompletedTask;
        }

        TellOwners(removed, reason);
        return TellAsync(new(node.Name, new([.. removed], true, null, [], [], [])) { Reason = reason, IsBlocked = isBlocked }, []);
    }

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        var news = JsonSerializer.Deserialize<News>(text)!;
        if (news.By == node.Name)
        {
            return 0;
        }

        var what = news.What;
        changes.Take(what);
        foreach (var entry in what.Over.Where(what.TakesOver))
        {
            sessions.TakeOver(entry.Client, entry.Session, $"{entry.Name} is served by a newer session of yours.");
        }

        foreach (var entry in news.IsBlocked ? what.Over : [])
        {
            closed.Add(entry, news.Reason ?? "");
        }

        if (news.Reason is { } reason)
        {
            TellOwners(what.Over, reason);
        }

        Open(what.Opened);
        await ports.CloseUnusedAsync(what.Over);
        return 0;
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        var entries = await backend.ListAsync(null, CancellationToken.None);
        backend.Forget(entries.Select(e => e.Name));
        Open(entries.Where(e => e.Node != node.Name).Select(e => e.Name).Where(PipePorts.IsPort));
    }

    private void TellOwners(IReadOnlyList<PipeEntry> closed, string reason)
    {
        foreach (var entry in closed)
        {
            _ = TellOwnerAsync(entry, reason);
        }
    }

    // Nobody waits for it (G11): a session that cannot be told finds out when it comes back for the name.
    private async Task TellOwnerAsync(PipeEntry entry, string reason)
    {
        try
        {
            await (sessions.Find(entry.Client, entry.Session)?.Link?.Client.PipeClosed(new PipeClosedEvent
            {
                Name = entry.Name,
                Generation = entry.Generation,
                Error = DuplexityError.Of(Errors.ForcedOut, reason),
            }) ?? Task.CompletedTask);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            // The connection ends.
        }
    }

    private void Open(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            if (!tcp.TryOpen(PipePorts.PortOf(name)))
            {
                Log.PortNotOpened(logger, name);
            }
        }
    }

    private async Task TellAsync(News news, IReadOnlyList<ChangedPipe> changed)
    {
        var toldFronts = fronts.TellAsync(news.What, changed);
        if (engine.Lease is not null)
        {
            await engine.SystemLog.TellAsync(Kind, JsonSerializer.Serialize(news), options.Value.Times.Confirm);
        }

        await toldFronts;
    }

    /// <param name="By">Who has done it already.</param>
    /// <param name="What">What has become of registrations.</param>
    private sealed record News(string By, OverQuestion What)
    {
        /// <summary>Why they were closed; null: they were not, but removed.</summary>
        public string? Reason { get; init; }

        /// <summary>Whether their session does not get the names for a while.</summary>
        public bool IsBlocked { get; init; }
    }
}
