using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Watches of sockets over nodes: this node tells the others whose sockets are watched here, again and again, and they tell what happens to them; one that is not heard of for a while watches no more. Thread-safe.
/// </summary>
internal sealed class ClusterWatches(SocketWatches watches, NodeBook nodes, NodeCalls calls, TimeProvider time) : BackgroundService
{
    private const string Everybody = "*";

    /// <summary>How often the others are told, and after how long without they forget.</summary>
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5), Lapse = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<string, NodeWatcher> _watchers = new(StringComparer.Ordinal);
    private bool _hasTold;

    /// <summary>Tells the other nodes whose sockets are watched here; completes when those that answer will tell of every change from now on.</summary>
    public async Task TellAsync(CancellationToken ct)
    {
        var clients = watches.ClientsWatchedHere;
        if ((clients.Count > 0 || _hasTold) && nodes.Others is { Count: > 0 } others)
        {
            _hasTold = clients.Count > 0;
            await calls.AskAllAsync<WatchQuestion, bool>(others, WatchCall.Word, new(clients.Contains(null), [.. clients.OfType<string>()]), ct);
        }
    }

    /// <summary>What another node watches from now on.</summary>
    public void Watch(NodeInfo from, WatchQuestion question)
    {
        var watcher = _watchers.GetOrAdd(from.Name, _ => new NodeWatcher());
        lock (watcher)
        {
            watcher.HeardAt = time.GetTimestamp();
            var wanted = question.Clients.Select(c => $"client:{c}").Concat(question.IsEverybody ? [Everybody] : Array.Empty<string>()).ToHashSet(StringComparer.Ordinal);
            foreach (var ended in watcher.Watched.Except(wanted).ToArray())
            {
                watches.StopAll(watcher, ended);
                watcher.Watched.Remove(ended);
            }

            foreach (var begun in wanted.Except(watcher.Watched).ToArray())
            {
                watches.Start(watcher, begun, null, begun == Everybody ? null : begun["client:".Length..], changes => ToldAsync(from.Name, changes));
                watcher.Watched.Add(begun);
            }
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await TellAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            foreach (var (name, watcher) in _watchers)
            {
                if (time.GetElapsedTime(watcher.HeardAt) > Lapse && _watchers.TryRemove(new(name, watcher)))
                {
                    watches.StopAll(watcher);
                }
            }
        }
    }

    private async Task ToldAsync(string node, SocketsChangedEvent changes)
    {
        try
        {
            if (nodes.Find(node) is { } watching)
            {
                await calls.AskAsync<SocketsChangedEvent, bool>(watching, SocketsChangedCall.Word, changes, CancellationToken.None);
            }
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            // Live only: who watches lists anew after a loss.
        }
    }

    /// <summary>Another node, as one that watches.</summary>
    private sealed class NodeWatcher
    {
        public long HeardAt { get; set; }

        public HashSet<string> Watched { get; } = new(StringComparer.Ordinal);
    }
}

/// <summary>Another node says whose sockets are watched there.</summary>
internal sealed class WatchCall(ClusterWatches watches) : NodeCall<WatchQuestion, bool>(Word)
{
    public const string Word = "watch";

    /// <inheritdoc/>
    protected override ValueTask<bool> AnswerAsync(WatchQuestion question, NodeInfo from, CancellationToken ct)
    {
        watches.Watch(from, question);
        return new(true);
    }
}

/// <param name="IsEverybody">Whether somebody watches everybody's.</param>
/// <param name="Clients">Whose else.</param>
internal sealed record WatchQuestion(bool IsEverybody, string[] Clients);

/// <summary>Another node tells what happened to sockets there that are watched here.</summary>
internal sealed class SocketsChangedCall(SocketWatches watches) : NodeCall<SocketsChangedEvent, bool>(Word)
{
    public const string Word = "sockets-changed";

    /// <inheritdoc/>
    protected override ValueTask<bool> AnswerAsync(SocketsChangedEvent question, NodeInfo from, CancellationToken ct)
    {
        foreach (var change in question.Changes ?? [])
        {
            watches.MarkOfAnother(change);
        }

        return new(true);
    }
}
