using Duplexity.Protocol;
using Duplexity.Testing;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>From one sender to one inbox, whose reader acknowledges each message in one of the ways there are.</summary>
internal static class Inboxes
{
    private const int Messages = 5_000;
    private const int Outstanding = 256;
    private static readonly string Text = new('x', 100);

    public static async Task RunAsync()
    {
        foreach (var data in new[] { "", "data" })
        {
            foreach (var ack in new[] { "auto", "manual", "claim" })
            {
                await RunAsync(data, ack);
            }
        }
    }

    private static async Task RunAsync(string data, string ack)
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            (s.LogLevel, s.Environment, s.Settings["Duplexity:Data"]) = (LogLevel.Warning, "Production", data);
            s.Options = o => o.Limits.InboxMessages = 20 * Messages;
        });
        await using var sender = await StockSocket.DataAsync(node, "sender");
        await using var reader = await StockSocket.DataAsync(node, "reader");
        var (left, done) = (0, new TaskCompletionSource());
        reader.Hub.On<DeliveredMessage[]>(nameof(IDataClient.Deliver), batch => _ = Task.WhenAll(batch.Select(AcknowledgeAsync)));
        await reader.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:reader", Ack = ack, Hands = ack == "claim" ? Outstanding : null });

        var took = await Conditions.RoundsAsync(8, async () =>
        {
            (left, done) = (Messages, new(TaskCreationOptions.RunContinuationsAsynchronously));
            await Sends.PipelineAsync(sender, Messages, Outstanding, Text, "client:reader");
            await done.Task.WaitAsync(TestTimeout.Long);
        });
        Conditions.Say($"acknowledged deliveries: {Conditions.Rates(Messages, took)}; ack: {ack}, {Messages} messages of {Text.Length} B, MessagePack, {(data.Length == 0 ? "memory engine" : "messages on disk, fsynced")}");

        async Task AcknowledgeAsync(DeliveredMessage message)
        {
            if (ack != "auto")
            {
                await reader.InvokeAsync<Done>("Acknowledge", new AcknowledgeRequest { Channel = "client:reader", Position = message.Position, Attempt = message.Attempt });
            }

            if (Interlocked.Decrement(ref left) == 0)
            {
                done.TrySetResult();
            }
        }
    }
}
