using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary>Reading the inbox, and what it gave up, at a terminal.</summary>
public sealed class InboxCommandTests
{
    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task What_is_printed_is_acknowledged_and_the_rest_waits_for_the_next_time()
    {
        await using var node = await TestNode.StartAsync();
        using var ben = new CliUnderTest(node, "ben");
        foreach (var text in new[] { "one", "two", "three" })
        {
            await ben.RunAsync("send", "client:amy", text).Soon();
        }

        using var amy = new CliUnderTest(node, "amy");
        (await amy.RunAsync("inbox", "--count", "2").Soon()).Should().Be(ExitCode.Done);
        amy.Output.Select(l => l.Split(": ")[1]).Should().Equal("one", "two");
        (await amy.RunAsync("inbox", "--count", "1", "--json").Soon()).Should().Be(ExitCode.Done);
        JsonDocument.Parse(amy.Output[2]).RootElement.GetProperty("text").GetString().Should().Be("three");
        (await amy.RunAsync("inbox", "--reader", "laptop", "--ack", "none").Soon()).Should().Be(ExitCode.Usage);
        (await amy.RunAsync("inbox", "--ack", "perhaps").Soon()).Should().Be(ExitCode.Usage);
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task By_hand_a_message_is_acknowledged_by_its_place_and_what_is_not_is_shown_as_a_dead_letter_put_back_or_let_go()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => o.Limits.InboxAttempts = 1));
        await using var other = await StockSocket.DataAsync(node, "amy");
        var withdrawn = other.Hear<WithdrawnEvent>("Withdrawn");
        await other.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Ack = "manual" });
        using var ben = new CliUnderTest(node, "ben");
        using var amy = new CliUnderTest(node, "amy");
        foreach (var text in new[] { "good", "poison", "worse" })
        {
            await ben.RunAsync("send", "client:amy", text).Soon();
        }

        (await amy.RunAsync("inbox", "--ack", "manual", "--count", "1").Soon()).Should().Be(ExitCode.Done);
        using var reading = new CliUnderTest(node, "amy");
        var read = reading.RunAsync("inbox", "--ack", "manual", "--count", "4");
        await reading.Out.LineAsync(l => l.EndsWith(": worse", StringComparison.Ordinal)).Soon();
        var place = amy.Output[0].Split(' ');
        (place[1], place[^1]).Should().Be(("1", "good"));
        (await amy.RunAsync("inbox", "ack", place[0]).Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("inbox", "ack", place[0]).Soon()).Should().Be(ExitCode.Failed);
        amy.Error[^1].Should().Contain("acknowledged already");
        (await withdrawn.ReadAsync().Soon()).Reason.Should().Be("taken");
        time.Advance(TimeSpan.FromSeconds(11));
        (await withdrawn.ReadAsync().Soon()).Reason.Should().Be("dead_letter");
        (await withdrawn.ReadAsync().Soon()).Reason.Should().Be("dead_letter");

        var before = amy.Output.Length;
        (await amy.RunAsync("dead-letters", "--json").Soon()).Should().Be(ExitCode.Done);
        var letters = amy.Output.Skip(before).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("message")).ToDictionary(m => m.GetProperty("text").GetString()!, m => m.GetProperty("id").GetString()!);
        (await amy.RunAsync("dead-letters", "show", letters["worse"]).Soon()).Should().Be(ExitCode.Done);
        amy.Output[^1].Should().EndWith("ben: worse");
        (await amy.RunAsync("dead-letters", "replay", letters["poison"]).Soon()).Should().Be(ExitCode.Done);
        amy.Output[^1].Should().StartWith($"{letters["poison"]} is back as ");
        (await read.Soon()).Should().Be(ExitCode.Done);
        reading.Output[^1].Should().EndWith(": poison");
        (await amy.RunAsync("dead-letters", "discard", "--all").Soon()).Should().Be(ExitCode.Done);
        amy.Output[^1].Should().Be($"{letters["worse"]} is gone");
        (await amy.RunAsync("dead-letters", "discard", letters["worse"]).Soon()).Should().Be(ExitCode.Failed);
        (await amy.RunAsync("dead-letters", "show", letters["worse"]).Soon()).Should().Be(ExitCode.Failed);
        (await amy.RunAsync("dead-letters", "replay").Soon()).Should().Be(ExitCode.Usage);
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task Send_waits_to_be_delivered_or_acknowledged_and_says_where_that_did_not_come()
    {
        await using var node = await TestNode.StartAsync();
        using var ben = new CliUnderTest(node, "ben");
        (await ben.RunAsync("send", "client:amy", "hello", "--wait", "delivered", "--within", "50ms").Soon()).Should().Be(ExitCode.Failed);
        ben.Output[^1].Should().StartWith("accepted client:amy ");
        ben.Error[^1].Should().Contain("was not delivered");
        using var amy = new CliUnderTest(node, "amy");
        var read = amy.RunAsync("inbox", "--count", "2");
        await amy.Err.LineAsync(l => l.StartsWith("listening", StringComparison.Ordinal)).Soon();

        (await ben.RunAsync("send", "client:amy", "again", "--wait", "acknowledged", "--within", "30s").Soon()).Should().Be(ExitCode.Done);

        ben.Output[^1].Should().StartWith("acknowledged client:amy ");
        (await read.Soon()).Should().Be(ExitCode.Done);
    }
}
