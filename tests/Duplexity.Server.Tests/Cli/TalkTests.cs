using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary>The commands that talk, in this process, against a real node.</summary>
public sealed class TalkTests : IAsyncLifetime
{
    private TestNode _node = null!;

    public async Task InitializeAsync() => _node = await TestNode.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task What_is_sent_is_in_the_history_and_in_the_tail()
    {
        using var amy = new CliUnderTest(_node, "amy");
        using var ben = new CliUnderTest(_node, "ben");
        var tail = amy.RunAsync("tail", "lobby", "client:amy", "--count", "2");
        await amy.Err.LineAsync(l => l == "listening to room:lobby").Soon();
        await amy.Err.LineAsync(l => l == "listening to client:amy").Soon();

        (await ben.RunAsync("send", "lobby", "hello", "there").Soon()).Should().Be(ExitCode.Done);
        (await ben.RunAsync("send", "client:amy", "for", "you").Soon()).Should().Be(ExitCode.Done);

        (await tail.Soon()).Should().Be(ExitCode.Done, "--count was reached");
        amy.Output.Should().HaveCount(2).And.Contain(l => l.EndsWith(" room:lobby ben: hello there")).And.Contain(l => l.EndsWith(" client:amy ben: for you"));
        ben.Output[0].Should().StartWith("accepted room:lobby 1@");
        using var late = new CliUnderTest(_node, "amy");
        (await late.RunAsync("history", "lobby").Soon()).Should().Be(ExitCode.Done);
        (await late.RunAsync("tail", "lobby", "-n", "5", "--count", "1", "--json").Soon()).Should().Be(ExitCode.Done);
        late.Output[0].Should().EndWith(" ben: hello there");
        var json = JsonDocument.Parse(late.Output[1]).RootElement;
        json.GetProperty("text").GetString().Should().Be("hello there");
        json.GetProperty("from").GetProperty("client").GetString().Should().Be("ben");
        json.GetProperty("position").GetProperty("offset").GetInt64().Should().Be(1);
    }

    [Fact]
    public async Task A_place_that_send_printed_is_where_tail_goes_on()
    {
        using var ben = new CliUnderTest(_node, "ben");
        await ben.RunAsync("send", "lobby", "one").Soon();
        await ben.RunAsync("send", "lobby", "two").Soon();
        var place = ben.Output[0].Split(' ')[^1];

        (await ben.RunAsync("tail", "lobby", "--since", place, "--count", "1").Soon()).Should().Be(ExitCode.Done);

        ben.Output[^1].Should().EndWith("ben: two");
    }

    [Fact]
    public async Task Standard_input_is_a_body_without_its_last_line_end()
    {
        using var ben = new CliUnderTest(_node, "ben");
        ben.Input.Type("first");
        ben.Input.Type("second");
        ben.Input.End();

        (await ben.RunAsync("send", "lobby", "-").Soon()).Should().Be(ExitCode.Done);
        (await ben.RunAsync("history", "lobby").Soon()).Should().Be(ExitCode.Done);

        ben.Output[^1].Should().EndWith(" ben: first\\u{a}second");
    }

    [Fact]
    public async Task Two_people_chat()
    {
        using var amy = new CliUnderTest(_node, "amy");
        using var ben = new CliUnderTest(_node, "ben");
        var one = amy.RunAsync("chat", "lobby");
        var two = ben.RunAsync("chat", "lobby");
        await amy.Err.LineAsync(l => l.StartsWith("you are amy in room:lobby")).Soon();
        await ben.Err.LineAsync(l => l.StartsWith("you are ben in room:lobby")).Soon();

        ben.Input.Type("hello");
        ben.Input.Type("/msg amy psst");
        ben.Input.Type("/who");
        ben.Input.Type("/bogus");
        ben.Input.Type("//slash");

        await amy.Out.LineAsync(l => l.EndsWith(" ben: hello")).Soon();
        await amy.Out.LineAsync(l => l.EndsWith(" ben: psst (to you alone)")).Soon();
        await amy.Out.LineAsync(l => l.EndsWith(" ben: /slash")).Soon();
        await ben.Out.LineAsync(l => l == "amy ben").Soon();
        await ben.Err.LineAsync(l => l.StartsWith("/who ·")).Soon();
        ben.Input.Type("/quit");
        amy.Input.End();
        (await one.Soon()).Should().Be(ExitCode.Done, "the end of input ends a chat");
        (await two.Soon()).Should().Be(ExitCode.Done);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_others_write_is_one_harmless_line_each()
    {
        using var amy = new CliUnderTest(_node, "amy");
        var chat = amy.RunAsync("chat", "lobby");
        await amy.Err.LineAsync(l => l.StartsWith("you are amy")).Soon();
        string[] wire = ["[/]", "\u001b[2J", "\u001b]8;;http://evil.example\u001b\\x", "a\r\n00:00:00 ben: forged", "\u202egnp.exe", "\0", "/["];
        await using var ben = await _node.ConnectAsync("ben");
        foreach (var text in wire)
        {
            await ben.SendAsync(Address.Room("lobby"), text).Soon();
        }

        await ben.SendAsync(Address.Room("lobby"), "the end").Soon();
        await amy.Out.LineAsync(l => l.EndsWith("the end")).Soon();
        amy.Input.Type("/quit");
        (await chat.Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("history", "lobby", "--json").Soon()).Should().Be(ExitCode.Done);

        amy.Output.Should().HaveCount(2 * (wire.Length + 1)).And.NotContain(l => l.Any(char.IsControl) || l.Contains('\u202e'));
        amy.Output.Skip(wire.Length + 1).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("text").GetString()).Should().StartWith(wire);
    }

    [Fact]
    public async Task Sockets_and_presence_are_rows()
    {
        using var amy = new CliUnderTest(_node, "amy");
        await using var other = await _node.ConnectAsync("amy");
        await using var room = await other.JoinAsync("lobby").Soon();

        (await amy.RunAsync("sockets").Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("presence", "lobby", "--json").Soon()).Should().Be(ExitCode.Done);

        amy.Output.Should().HaveCount(4, "a header, two sockets, one member");
        amy.Output[0].Should().StartWith("SOCKET");
        amy.Output.Should().ContainSingle(l => l.StartsWith(other.SocketId) && l.Contains("room:lobby"));
        JsonDocument.Parse(amy.Output[3]).RootElement.GetProperty("client").GetString().Should().Be("amy");
    }

    [Fact]
    public async Task Somebody_elses_inbox_is_refused()
    {
        using var amy = new CliUnderTest(_node, "amy");

        (await amy.RunAsync("tail", "client:ben").Soon()).Should().Be(ExitCode.Usage);
        (await amy.RunAsync("history", "client:ben").Soon()).Should().Be(ExitCode.NotAllowed);

        amy.Error.Should().HaveCount(2);
    }

    [Fact]
    public async Task Ctrl_C_ends_a_tail_with_130()
    {
        using var amy = new CliUnderTest(_node, "amy");
        var tail = amy.RunAsync("tail", "lobby");
        await amy.Err.LineAsync(l => l == "listening to room:lobby").Soon();

        amy.Interrupt();

        (await tail.Soon()).Should().Be(ExitCode.Interrupted);
        amy.Error.Should().ContainSingle();
    }
}
