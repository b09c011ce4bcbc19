using Duplexity.Protocol;
using Duplexity.Testing;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>From one sender to the members of a room: everything that a message passes, and the clients that read it.</summary>
internal static class Deliveries
{
    private const int Members = 60;
    private const int Messages = 3_000;
    private const int Outstanding = 256;
    private static readonly string Text = new('x', 100);

    public static async Task RunAsync()
    {
        await RunAsync("", "memory engine");
        await RunAsync("data", "messages on disk, fsynced");
    }

    private static async Task RunAsync(string data, string engine)
    {
        await using var node = await TestNode.StartAsync(s => (s.LogLevel, s.Environment, s.Settings["Duplexity:Data"]) = (LogLevel.Warning, "Production", data));
        await using var sender = await StockSocket.DataAsync(node, "sender");
        var members = new List<StockSocket>();
        var left = 0;
        var done = new TaskCompletionSource();
        for (var i = 0; i < Members; i++)
        {
            var member = await StockSocket.DataAsync(node, $"member{i}");
            member.Hub.On<DeliveredMessage[]>(nameof(IDataClient.Deliver), batch =>
            {
                if (Interlocked.Add(ref left, -batch.Length) == 0)
                {
                    done.TrySetResult();
                }
            });
            await member.JoinAsync("room:lobby");
            members.Add(member);
        }

        var took = await Conditions.RoundsAsync(8, async () =>
        {
            (left, done) = (Members * Messages, new(TaskCreationOptions.RunContinuationsAsynchronously));
            await Sends.PipelineAsync(sender, Messages, Outstanding, Text);
            await done.Task.WaitAsync(TestTimeout.Long);
        });
        Conditions.Say($"deliveries: {Conditions.Rates(Members * Messages, took)}; {Members} members, {Messages} messages of {Text.Length} B, MessagePack, {engine}");
        foreach (var member in members)
        {
            await member.DisposeAsync();
        }
    }
}
