using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Tells owners who asked for it what visitors did, in batches. Live only: a full queue counts what it leaves out, and nothing here ever waits for a client or slows a
/// visitor. Thread-safe.
/// </summary>
internal sealed class ExchangeFeed
{
    // A screen's worth at a pace that eyes follow; together at most 1,000 lines a second.
    private const int Batch = 100;
    private const int MaxQueued = 1_000;
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<(string Client, string Session), Feed> _feeds = new();
    private readonly Sessions _sessions;
    private readonly NodeBook _nodes;
    private readonly NodeCalls _calls;
    private readonly Node _node;
    private readonly PipeTallies _tallies;
    private readonly TimeProvider _time;
    private readonly Metrics _metrics;
    private readonly ILogger<ExchangeFeed> _logger;

    public ExchangeFeed(Sessions sessions, NodeBook nodes, NodeCalls calls, Node node, PipeTallies tallies, TimeProvider time, Metrics metrics, ILogger<ExchangeFeed> logger)
    {
        (_sessions, _nodes, _calls, _node, _tallies, _time, _metrics, _logger) = (sessions, nodes, calls, node, tallies, time, metrics, logger);
        sessions.Ended += (session, _) =>
        {
            _feeds.TryRemove((session.Client, session.Id), out var _);
            return Task.CompletedTask;
        };
    }

    /// <summary>A visitor's exchange has ended: it is counted, and told to an owner who wants to know.</summary>
    public void Report(PipeEntry entry, ExchangeInfo exchange)
    {
        _tallies.Exchanged(entry);
        if (!entry.Exchanges || (entry.Node == _node.Name && _sessions.Find(entry.Client, entry.Session) is null))
        {
            return;
        }

        var feed = _feeds.GetOrAdd((entry.Client, entry.Session), _ => new());
        lock (feed)
        {
            if (feed.Queue.Count >= MaxQueued)
            {
                feed.LeftOut++;
                _metrics.LeftOut("exchanges");
            }
            else
            {
                feed.Queue.Enqueue(exchange.Target is { } target ? exchange with { Target = Redaction.Url(target) } : exchange);
            }

            if (feed.IsRunning)
            {
                return;
            }

            feed.IsRunning = true;
        }

        _ = RunAsync(feed, entry);
    }

    /// <summary>Tells an owner whose control connection is at this node.</summary>
    public Task TellHereAsync(string client, string session, ExchangesEvent batch) => _sessions.Find(client, session)?.Link?.Client.Exchanges(batch) ?? Task.CompletedTask;

    private Task TellAsync(PipeEntry entry, ExchangesEvent batch) => entry.Node == _node.Name
        ? TellHereAsync(entry.Client, entry.Session, batch)
        : _nodes.Find(entry.Node) is { } owner
            ? _calls.AskAsync<ExchangesQuestion, bool>(owner, ExchangesCall.Word, new(entry.Client, entry.Session, batch), CancellationToken.None)
            : Task.CompletedTask;

    private async Task RunAsync(Feed feed, PipeEntry entry)
    {
        while (true)
        {
            await Task.Delay(Every, _time);
            ExchangesEvent batch;
            lock (feed)
            {
                if (feed.Queue.Count == 0 && feed.LeftOut == 0)
                {
                    feed.IsRunning = false;
                    if (entry.Node != _node.Name)
                    {
                        // Sessions of other nodes end unheard here.
                        _feeds.TryRemove(new((entry.Client, entry.Session), feed));
                    }

                    return;
                }

                var exchanges = new List<ExchangeInfo>(Math.Min(Batch, feed.Queue.Count));
                while (exchanges.Count < Batch && feed.Queue.TryDequeue(out var next))
                {
                    exchanges.Add(next);
                }

                batch = new() { Exchanges = [.. exchanges], LeftOut = feed.LeftOut };
                feed.LeftOut = 0;
            }

            try
            {
                await TellAsync(entry, batch);
            }
            catch (Exception e)
            {
                // The connection may go at any time, and these events are for watching only.
                Log.ExchangesLost(_logger, batch.Exchanges.Length, e.GetType().Name);
            }
        }
    }

    private sealed class Feed
    {
        public Queue<ExchangeInfo> Queue { get; } = new();
        public int LeftOut { get; set; }
        public bool IsRunning { get; set; }
    }
}
