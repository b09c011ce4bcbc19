using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>PROTOCOL.md is enough to write a client from: <c>node/plain-client.mjs</c> is one, over nothing but a WebSocket.</summary>
[Trait("Requirement", "1.31")]
[Trait("Guarantee", "G4")]
[Trait("Guarantee", "G9")]
public sealed class PlainClientTests
{
    /// <summary>The most lines: whoever must write more will not write one.</summary>
    private const int Lines = 150;

    [Fact]
    public void It_is_short() =>
        File.ReadLines(Path.Combine(ProcessTools.NodeFolder, "plain-client.mjs")).Count().Should().BeLessThanOrEqualTo(Lines);

    [Fact]
    public async Task It_joins_sends_and_recovers_and_a_thousand_messages_come_once_and_in_order_over_broken_connections()
    {
        await using var node = await TestNode.StartAsync();
        await using var script = RealProcess.Start(
            ProcessTools.Node, [Path.Combine(ProcessTools.NodeFolder, "plain-client-story.mjs"), node.Address.ToString(), node.Token("amy"), node.Token("ben")]);

        (await script.ExitAsync(TestTimeout.Long)).Should().Be(0, script.Output);

        var told = JsonDocument.Parse(await script.LineAsync("\"told\"")).RootElement;
        told.GetProperty("cuts").GetInt32().Should().BeGreaterThan(10, "the connections did break");
        told.GetProperty("heard").GetInt32().Should().Be(1000);
        told.GetProperty("isEachOnceInOrder").GetBoolean().Should().BeTrue();
        told.GetProperty("isEachPlaceOnceInOrder").GetBoolean().Should().BeTrue("a repeated send is stored once");
        told.GetProperty("gaps").GetInt32().Should().Be(0, "the log had all of it");
    }
}
