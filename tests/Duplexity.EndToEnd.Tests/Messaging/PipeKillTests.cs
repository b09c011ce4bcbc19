using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>The service is killed while clients' pipes carry what comes, one behind the other: each message is at each of their destinations once, in the order of the source.</summary>
public sealed class PipeKillTests
{
    private const int InFlight = 32;

    private static readonly Address[] Carried = [Address.Room("b"), Address.Client("ben"), Address.Room("c")];

    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Requirement", "1.31")]
    [Trait("Guarantee", "G20")]
    public Task What_pipes_carry_outlives_six_kills_once_and_in_order() => KillAsync(kills: 6, most: 80, seed: 6);

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Guarantee", "G20")]
    public Task What_pipes_carry_outlives_two_hundred_kills_once_and_in_order() => KillAsync(kills: 200, most: 45, seed: 200);

    private static async Task KillAsync(int kills, int most, int seed)
    {
        await using var service = await RealService.StartAsync("--Duplexity:Limits:InboxMessages=1000000");
        await using var ben = service.Connection("ben");
        await using var amy = service.Connection("amy");
        await ben.ConnectAsync();
        await amy.ConnectAsync();
        await amy.MessagePipes.SetAsync([new() { From = "room:a", To = ["room:b", "client:ben"] }]).Soon(TestTimeout.Long);
        await ben.MessagePipes.SetAsync([new() { From = "room:b", To = ["room:c"] }]).Soon(TestTimeout.Long);
        var sent = await Kills.WhileSendingAsync(service, kills, most, seed, InFlight, text => amy.SendAsync(Address.Room("a"), text));
        await using var last = await ben.JoinAsync("c");
        using var heard = new Heard(last);
        await amy.SendAsync(Address.Room("a"), "end");
        await heard.TextsBeforeAsync("end");

        string[] expected = [.. Enumerable.Range(1, sent).Select(i => $"{i}"), "end"];
        (await TextsAsync(ben, Address.Room("a"))).Should().Equal(expected);
        foreach (var channel in Carried)
        {
            (await TextsAsync(ben, channel)).Should().Equal(expected, $"{channel}");
        }
    }

    private static async Task<List<string?>> TextsAsync(DuplexityConnection connection, Address channel)
    {
        List<string?> texts = [];
        await foreach (var message in connection.HistoryAsync(channel, new HistoryOptions { Since = Position.Start }))
        {
            texts.Add(message.Text);
        }

        return texts;
    }
}
