using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Testing;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>What quiet clients feel of one that floods (G24): each sends ten times a second and waits for its receipt, first alone on the node and then beside a socket that keeps as many calls under way as it can.</summary>
internal static class Neighbours
{
    private const int Quiet = 100;
    private const int Outstanding = 256;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Each = TimeSpan.FromSeconds(10);
    private static readonly string Text = new('x', 100);

    /// <summary>What the flooder does again and again, by what it is called.</summary>
    private static readonly (string What, Func<StockSocket, int, Task> Abuse)[] Floods =
    [
        ("nothing", (_, _) => Task.Delay(Pause)),
        ("sends", (flooder, _) => flooder.Hub.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = ["room:flood"], Text = Text })),
        ("sends to 100 rooms", (flooder, _) => flooder.Hub.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = [.. Enumerable.Range(0, 100).Select(i => $"room:flood-{i}")], Text = Text })),
        ("pages of 1,000", (flooder, _) => flooder.Hub.InvokeAsync<HistoryResponse>(nameof(IDataHub.History), new HistoryRequest { Channel = "room:lobby", Limit = 1_000 })),
        ("new rooms, refused", (flooder, n) => flooder.Hub.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = [$"room:new-{n}"], Text = Text })),
    ];

    public static async Task RunAsync()
    {
        foreach (var (what, abuse) in Floods)
        {
            await using var node = await TestNode.StartAsync(s => (s.LogLevel, s.Environment, s.Options) = (LogLevel.Warning, "Production", o => o.Limits.NewChannelsPerHour = 150));
            var quiet = await Task.WhenAll(Enumerable.Range(0, Quiet).Select(i => StockSocket.DataAsync(node, $"quiet{i}")));
            await using var flooder = await StockSocket.DataAsync(node, "flooder");
            await Sends.PipelineAsync(flooder, 1_000, Outstanding, Text);
            using var over = new CancellationTokenSource();
            var calls = 0;
            var flood = Task.WhenAll(Enumerable.Range(0, Outstanding).Select(async _ =>
            {
                while (!over.IsCancellationRequested)
                {
                    await abuse(flooder, Interlocked.Increment(ref calls));
                }
            }));

            // The first second warms up, and does not count.
            await TalkAsync(quiet, TimeSpan.FromSeconds(1));
            var before = Volatile.Read(ref calls);
            var took = await TalkAsync(quiet, Each);
            var rate = Conditions.PerSecond(Volatile.Read(ref calls) - before, Each);
            await over.CancelAsync();
            await flood;
            var flooding = what == "nothing" ? "alone" : $"beside one who floods ({what}: {rate}/s of its calls)";
            Conditions.Say($"{Quiet} quiet clients {flooding}: a send's receipt: median {took[took.Count / 2]:0.0} ms, p99 {took[took.Count * 99 / 100]:0.0} ms; {took.Count} sends");
            foreach (var socket in quiet)
            {
                await socket.DisposeAsync();
            }
        }
    }

    /// <summary>Each sends to a room of ten, at its own moments; how long the receipts took, in order of time.</summary>
    private static async Task<List<double>> TalkAsync(StockSocket[] quiet, TimeSpan time)
    {
        var began = Stopwatch.GetTimestamp();
        var all = await Task.WhenAll(quiet.Select((socket, i) => Task.Run(async () =>
        {
            var took = new List<double>();
            await Task.Delay(Pause * i / quiet.Length);
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                var start = Stopwatch.GetTimestamp();
                await socket.Hub.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = [$"room:quiet-{i % 10}"], Text = Text });
                took.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                await Task.Delay(Pause);
            }

            return took;
        })));
        return [.. all.SelectMany(t => t).Order()];
    }
}
