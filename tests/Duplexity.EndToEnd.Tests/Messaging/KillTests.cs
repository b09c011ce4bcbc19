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

    /// <summary>The log keeps 10,000.</summary>
    private static async Task KillAsync(int kills, int most, int seed)
    {
        // Nobody reads the inbox meanwhile, and a tenth of it is one sender's.
        await using var service = await RealService.StartAsync("--Duplexity:Limits:InboxMessages=1000000");
        await using var ben = service.Connection("ben");
        await using var amy = service.Connection("amy");
        await ben.ConnectAsync();
        await amy.ConnectAsync();
        await using var room = await ben.JoinAsync("lobby");
        using var heard = new Heard(room);
        var receipts = new ConcurrentDictionary<string, Receipt>();
        var sent = await Kills.WhileSendingAsync(service, kills, most, seed, InFlight, async text => receipts[text] = await amy.SendAsync(To, text));
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
