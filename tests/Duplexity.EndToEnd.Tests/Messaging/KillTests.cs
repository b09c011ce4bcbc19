using System.Collections.Concurrent;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>The service is killed in the middle of everything, again and again, and nobody notices but by the pause.</summary>
public sealed class KillTests
{
    private const int InFlight = 64;

    private static readonly Address[] To = [Address.Room("lobby"), Address.Client("ben")];

    [Fact]
    [Trait("Requirement", "1.31")]
    [Trait("Requirement", "3.5")]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public Task What_has_a_receipt_outlives_fifteen_kills_once_and_in_order() => KillAsync(kills: 15, most: 150, seed: 15);

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Requirement", "1.31")]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public Task What_has_a_receipt_outlives_two_hundred_kills_once_and_in_order() => KillAsync(kills: 200, most: 45, seed: 200);

    /// <summary>Kills when so many more receipts have come, at random at most <paramref name="most"/>: all others are then on their way somewhere. The log keeps 10,000.</summary>
    private static async Task KillAsync(int kills, int most, int seed)
    {
        var random = new Random(seed);
        // Nobody reads the inbox meanwhile, and a tenth of it is one sender's.
        await using var service = await RealService.StartAsync("--Duplexity:Limits:InboxMessages=1000000");
        await using var ben = service.Connection("ben");
        await using var amy = service.Connection("amy");
        await ben.ConnectAsync();
        await amy.ConnectAsync();
        await using var room = await ben.JoinAsync("lobby");
        using var heard = new Heard(room);
        var receipts = new ConcurrentDictionary<string, Receipt>();
        var counted = new SemaphoreSlim(0);
        var free = new SemaphoreSlim(InFlight);
        using var enough = new CancellationTokenSource();
        var sending = SendAsync();

        for (var kill = 0; kill < kills; kill++)
        {
            for (var more = random.Next(1, most); more > 0; more--)
            {
                (await counted.WaitAsync(TestTimeout.Long)).Should().BeTrue($"kill {kill}: receipts go on coming");
            }

            service.Process.Kill();
            await service.Process.ExitAsync();
            await service.StartAgainAsync();
        }

        await enough.CancelAsync();
        var sent = await sending.Soon(TestTimeout.Long);
        await amy.SendAsync(To, "end");

        receipts.Should().HaveCount(sent, "every send was answered in the end");
        receipts.Values.Should().OnlyContain(r => r.Level == ReceiptLevel.Fsynced && r.Complete);
        string[] expected = [.. Enumerable.Range(1, sent).Select(i => $"{i}")];
        (await heard.TextsBeforeAsync("end")).Should().Equal(expected, "a handler gets each once, in order");
        foreach (var channel in To)
        {
            var history = await HistoryAsync(ben, channel);
            history.Select(m => m.Text).Should().Equal([.. expected, "end"], $"{channel}");
            foreach (var message in history.SkipLast(1))
            {
                var receipt = receipts[message.Text!];
                message.Id.Should().Be(receipt.MessageId);
                message.Position.Should().Be(receipt.Destinations.Single(d => d.To == channel).Position, "the place that the receipt named");
            }
        }

        async Task<int> SendAsync()
        {
            List<Task> answered = [];
            for (var i = 1; ; i++)
            {
                await free.WaitAsync();
                if (enough.IsCancellationRequested)
                {
                    await Task.WhenAll(answered);
                    return i - 1;
                }

                answered.Add(OneAsync($"{i}"));
            }
        }

        async Task OneAsync(string text)
        {
            receipts[text] = await amy.SendAsync(To, text);
            free.Release();
            counted.Release();
        }
    }

    private static async Task<List<Message>> HistoryAsync(DuplexityConnection connection, Address channel)
    {
        List<Message> all = [];
        await foreach (var message in connection.HistoryAsync(channel, new HistoryOptions { Since = Position.Start }))
        {
            all.Add(message);
        }

        return all;
    }
}
