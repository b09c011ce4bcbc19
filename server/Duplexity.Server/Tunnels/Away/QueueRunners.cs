using System.Collections.Concurrent;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>The runners of this node: one for each registration of its clients that has a queue. Thread-safe.</summary>
internal sealed class QueueRunners : IHostedService
{
    private readonly ConcurrentDictionary<string, QueueRunner> _runners = new(StringComparer.Ordinal);
    private readonly QueueRunnerParts _parts;
    private volatile bool _isOver;

    public QueueRunners(QueueRunnerParts parts, QueueBell bell)
    {
        _parts = parts;
        bell.Rung += name => _runners.GetValueOrDefault(name)?.Ring();
    }

    /// <summary>A client of this node serves a name that has a queue; an earlier registration's runner gives way.</summary>
    public void Start(PipeEntry entry)
    {
        if (_isOver)
        {
            return;
        }

        if (_runners.TryGetValue(entry.Name, out var there) && there.Entry.IsSameAs(entry) && !there.Run.IsCompleted)
        {
            there.Ring(); // it is registered as it was: a try that is under way goes on
            return;
        }

        var runner = new QueueRunner(entry, _parts);
        _runners.AddOrUpdate(entry.Name, runner, (_, old) =>
        {
            old.Dispose();
            return runner;
        });
        runner.Begin();
        _ = runner.Run.ContinueWith(_ => _runners.TryRemove(new(entry.Name, runner)), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _isOver = true;
        QueueRunner[] all = [.. _runners.Values];
        Array.ForEach(all, r => r.Dispose());
        await Task.WhenAll(all.Select(r => r.Run)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
