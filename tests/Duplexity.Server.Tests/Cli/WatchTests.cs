using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>sockets --watch</c>, <c>pipes --watch</c> and <c>kick pipe:</c> in this process, against a real node.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private TestNode _node = null!;

    public async Task InitializeAsync() => _node = await TestNode.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Sockets_are_watched_line_by_line_until_interrupted()
    {
        using var amy = new CliUnderTest(_node, "amy");
        using var json = new CliUnderTest(_node, "amy");
        var watching = amy.RunAsync("sockets", "--watch");
        var asJson = json.RunAsync("sockets", "--watch", "--json");
        await amy.Out.LineAsync(l => l.Contains(" present ")).Soon();
        await json.Out.LineAsync(l => l.Contains("\"present\"")).Soon();

        await using var laptop = await _node.ConnectAsync("amy");
        await amy.Out.LineAsync(l => l.Contains($" connected {laptop.SocketId} of amy")).Soon();
        await json.Out.LineAsync(l => l.Contains(laptop.SocketId) && l.Contains("\"connected\"")).Soon();
        await laptop.SendAsync(Address.Room("lobby"), "x");
        var used = await json.Out.LineAsync(l => l.Contains(laptop.SocketId) && l.Contains("\"used\"")).Soon();
        amy.Interrupt();
        json.Interrupt();

        (await watching.Soon()).Should().Be(ExitCode.Interrupted);
        (await asJson.Soon()).Should().Be(ExitCode.Interrupted);
        JsonDocument.Parse(used).RootElement.GetProperty("socket").GetProperty("use").GetProperty("sent").GetInt64().Should().Be(1);
        json.Output.Should().OnlyContain(l => JsonDocument.Parse(l, default).RootElement.GetProperty("kind").GetString() != null);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "2.33")]
    public async Task A_pipe_that_is_watched_is_closed_from_another_terminal_and_up_says_why()
    {
        using var laptop = new CliUnderTest(_node, "todd");
        using var phone = new CliUnderTest(_node, "todd");
        using var watcher = new CliUnderTest(_node, "todd");
        using var ben = new CliUnderTest(_node, "ben");
        var watching = watcher.RunAsync("pipes", "--watch");
        await using var something = await _node.ConnectAsync("todd");
        var up = laptop.RunAsync("up", "cat1=localhost:1");
        await laptop.Out.LineAsync(l => l.StartsWith("ready ")).Soon();
        await watcher.Out.LineAsync(l => l.Contains("cat1.localhost of todd, http://localhost:1, serving")).Soon();

        (await ben.RunAsync("kick", "pipe:cat1").Soon()).Should().Be(ExitCode.NotAllowed);
        (await phone.RunAsync("kick", "pipe:cat1", "--reason", "not at night").Soon()).Should().Be(ExitCode.Done);

        (await up.Soon()).Should().Be(ExitCode.NotAllowed);
        laptop.Error.Should().Contain(l => l.Contains("cat1.localhost is no longer served: not at night"));
        (await watcher.Out.LineAsync(l => l.Contains(" removed cat1.localhost")).Soon()).Should().Contain("gone");
        watcher.Interrupt();
        (await watching.Soon()).Should().Be(ExitCode.Interrupted);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Everybodys_are_for_administrators()
    {
        using var amy = new CliUnderTest(_node, "amy");
        using var root = new CliUnderTest(_node, "root");
        root.Environment["DUPLEXITY_TOKEN"] = _node.Token("root", null, ("role", "admin"));
        await using var ben = await _node.ConnectAsync("ben");

        (await amy.RunAsync("sockets", "--watch", "--client", "*").Soon()).Should().Be(ExitCode.NotAllowed);
        (await amy.RunAsync("pipes", "--client", "ben").Soon()).Should().Be(ExitCode.NotAllowed);
        (await root.RunAsync("sockets", "--client", "*").Soon()).Should().Be(ExitCode.Done);

        root.Output.Should().Contain(l => l.StartsWith(ben.SocketId) && l.Contains(" ben "));
    }
}
