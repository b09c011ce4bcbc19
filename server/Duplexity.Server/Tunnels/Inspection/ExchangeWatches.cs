using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>
/// Who watches which pipe's exchanges: a place in what each node keeps of it, from where this node reads on. What is kept is the queue, so a slow watcher costs nothing, and visitors never pay for being watched. Thread-safe.
/// </summary>
internal sealed class ExchangeWatches(ExchangeReach reach, BackendRegistry backend, Node node, NodeBook nodes, TimeProvider time, ILogger<ExchangeWatches> logger)
{
    /// <summary>Watches of one client on one connection, as of sockets and pipes.</summary>
    public const int Most = WatchBook<Watch>.Most;

    /// <summary>The most of one event.</summary>
    private const int Page = 100;

    /// <summary>Then the right to watch is looked at again.</summary>
    private const int PagesPerRound = 10;

    /// <summary>Other nodes are asked once in so many rounds: once a second.</summary>
    private const int RoundsPerAsking = 4;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly WatchBook<Watch> _watches = new();

    /// <summary>The holder is told of what ends at a pipe, in the place of its earlier watch of that name. False: it has too many.</summary>
    /// <param name="watcher">The connection.</param>
    /// <param name="actingAs">The client whose right it is.</param>
    /// <param name="name">The watcher's own name for it.</param>
    /// <param name="entries">The pipe as it is registered now, by all its programs.</param>
    /// <param name="places">From where on, by node.</param>
    /// <param name="may">Whether the watcher may still see what is of this owner.</param>
    /// <param name="tell">Tells a page; completes when it was taken.</param>
    public bool Start(object watcher, string actingAs, string? name, PipeEntry[] entries, Dictionary<string, long> places, Func<string, bool> may, Func<ExchangesKeptEvent, Task> tell)
    {
        var watch = new Watch { Entries = entries, Places = places };
        if (!_watches.TryPut(watcher, actingAs, name, watch))
        {
            return false;
        }

        _ = RunAsync(watch, may, async (exchanges, leftOut) => await tell(new() { Exchanges = exchanges, LeftOut = leftOut, Watch = name }));
        return true;
    }

    /// <summary>As <see cref="WatchBook{TWatch}.Stop"/>.</summary>
    public void Stop(object watcher, string actingAs, string? name) => _watches.Stop(watcher, actingAs, name);

    /// <summary>As <see cref="WatchBook{TWatch}.StopAll"/>.</summary>
    public void StopAll(object watcher, string? actingAs = null) => _watches.StopAll(watcher, actingAs);

    private async Task RunAsync(Watch watch, Func<string, bool> may, Func<KeptExchange[], long, Task> tell)
    {
        for (var round = 1; ; round++)
        {
            await Task.Delay(Interval, time);
            if (watch.IsOver)
            {
                return;
            }

            try
            {
                // While it is away, a wildcard above it is found in its place, which is another pipe.
                var name = watch.Entries[0].Name;
                PipeEntry[] entries = [.. (await backend.LocateAllAsync(name, CancellationToken.None)).Where(e => e.Name == name)];
                if (entries.Length == 0 || !may(entries[0].Client))
                {
                    continue;
                }

                watch.Entries = entries;
                await TellAsync(watch, node.Name, after => ValueTask.FromResult(reach.Here(entries, after, Page)), tell);
                if (round % RoundsPerAsking == 0)
                {
                    foreach (var other in nodes.Others)
                    {
                        await TellAsync(watch, other.Name, after => new(reach.ThereAsync(other, entries, after, Page, CancellationToken.None)), tell);
                    }
                }

                watch.IsWell = true;
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
            {
                // The connection ends; with it this watch.
            }
            catch (Exception e)
            {
                if (watch.IsWell)
                {
                    Log.ExchangesNotRead(logger, watch.Entries[0].Name, e);
                }

                watch.IsWell = false;
            }
        }
    }

    private static async Task TellAsync(Watch watch, string at, Func<long, ValueTask<ExchangePage>> read, Func<KeptExchange[], long, Task> tell)
    {
        ExchangePage page;
        var pages = 0;
        do
        {
            page = await read(watch.Places.GetValueOrDefault(at));
            watch.Places[at] = page.Through;
            if (page.Exchanges.Length > 0 || page.LeftOut > 0)
            {
                await tell(page.Exchanges, page.LeftOut);
            }
        }
        while (page.Exchanges.Length == Page && !watch.IsOver && ++pages < PagesPerRound);
    }

    private sealed class Watch : IWatch
    {
        private volatile bool _isOver;

        public required PipeEntry[] Entries { get; set; }

        public required Dictionary<string, long> Places { get; init; }

        public bool IsWell { get; set; } = true;

        public bool IsOver => _isOver;

        public void End() => _isOver = true;
    }
}
