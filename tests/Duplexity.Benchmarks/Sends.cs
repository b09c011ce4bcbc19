using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Testing;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>What a send takes: one that waits for its receipt before the next, and many under way at once.</summary>
internal static class Sends
{
    private const int Awaited = 3_000;
    private const int Pipelined = 30_000;
    private const int Outstanding = 256;
    private const string Lobby = "room:lobby";
    private static readonly string Text = new('x', 100);

    public static async Task RunAsync()
    {
        await using var node = await TestNode.StartAsync(s => (s.LogLevel, s.Environment) = (LogLevel.Warning, "Production"));
        await using var sender = await StockSocket.DataAsync(node, "sender");
        var each = new List<TimeSpan>();
        await Conditions.RoundsAsync(5, async () =>
        {
            for (var i = 0; i < Awaited; i++)
            {
                var began = Stopwatch.GetTimestamp();
                await SendAsync(sender, Text);
                each.Add(Stopwatch.GetElapsedTime(began));
            }
        });
        each.RemoveRange(0, Awaited);
        each.Sort();
        Conditions.Say($"one awaited send: median {each[each.Count / 2].TotalMilliseconds:0.000} ms, p99 {each[each.Count * 99 / 100].TotalMilliseconds:0.000} ms; {each.Count} of {Text.Length} B to a room, MessagePack, memory engine");

        var took = await Conditions.RoundsAsync(5, () => PipelineAsync(sender, Pipelined, Outstanding, Text));
        Conditions.Say($"pipelined sends: {Conditions.Rates(Pipelined, took)} of one socket; {Outstanding} under way at once, {Text.Length} B to a room, MessagePack, memory engine");
    }

    /// <summary>Sends so many to one channel, with so many of them unanswered at once.</summary>
    public static async Task PipelineAsync(StockSocket sender, int count, int outstanding, string text, string to = Lobby)
    {
        using var places = new SemaphoreSlim(outstanding);
        var sends = new Task[count];
        for (var i = 0; i < count; i++)
        {
            await places.WaitAsync();
            sends[i] = OneAsync();
        }

        await Task.WhenAll(sends);

        async Task OneAsync()
        {
            await SendAsync(sender, text, to);
            places.Release();
        }
    }

    private static async Task SendAsync(StockSocket sender, string text, string to = Lobby)
    {
        var answer = await sender.Hub.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = [to], Text = text });
        if (answer.Error is { } error)
        {
            throw new DuplexityException(error);
        }
    }
}
