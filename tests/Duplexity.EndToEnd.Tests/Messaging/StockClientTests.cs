using System.Text.Json;
using Duplexity.Server;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>Microsoft's own JavaScript client, nothing of ours in it, speaks to the hub from PROTOCOL.md alone.</summary>
[Trait("Requirement", "1.6")]
public sealed class StockClientTests
{
    [Fact]
    public async Task Json_by_name_connects_joins_sends_and_receives()
    {
        await using var node = await TestNode.StartAsync();
        await using var script = Run(node, "stock-json.mjs");

        var welcome = await EventAsync(script, "welcome", e => e.GetProperty("at").GetString() == "ben");
        var joined = await EventAsync(script, "joined");
        var receipt = await EventAsync(script, "receipt");
        var delivered = await EventAsync(script, "deliver");
        var refused = await EventAsync(script, "refused");
        await node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Room("lobby"), "good-bye");

        (await script.ExitAsync()).Should().Be(0, script.Output);
        joined.GetProperty("channel").GetString().Should().Be("room:lobby");
        joined.TryGetProperty("error", out _).Should().BeFalse("absent members are not written");
        delivered.GetProperty("at").GetString().Should().Be("amy");
        delivered.GetProperty("text").GetString().Should().Be("hello from JSON");
        delivered.GetProperty("id").GetString().Should().Be(receipt.GetProperty("messageId").GetString());
        delivered.GetProperty("position").GetRawText().Should().Be(receipt.GetProperty("destinations")[0].GetProperty("position").GetRawText());
        delivered.GetProperty("from").GetProperty("client").GetString().Should().Be("ben");
        delivered.GetProperty("from").GetProperty("socket").GetString().Should().Be(welcome.GetProperty("socketId").GetString());
        refused.GetProperty("error").GetProperty("kind").GetString().Should().Be("request");
    }

    [Fact]
    public async Task MessagePack_by_position_connects_joins_sends_and_receives()
    {
        await using var node = await TestNode.StartAsync();
        await using var script = Run(node, "stock-msgpack.mjs");

        var joined = await EventAsync(script, "joined");
        var receipt = await EventAsync(script, "receipt");
        var delivered = await EventAsync(script, "deliver");
        await node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Room("lobby"), "good-bye");

        (await script.ExitAsync()).Should().Be(0, script.Output);
        joined.GetProperty("channel").GetString().Should().Be("room:lobby");
        receipt.GetProperty("error").ValueKind.Should().Be(JsonValueKind.Null);
        delivered.GetProperty("id").GetString().Should().Be(receipt.GetProperty("messageId").GetString());
        delivered.GetProperty("bytes").EnumerateArray().Select(b => b.GetInt32()).Should().Equal(1, 2, 255);
        delivered.GetProperty("from")[0].GetString().Should().Be("ben");
    }

    private static RealProcess Run(TestNode node, string script) =>
        RealProcess.Start(ProcessTools.Node, [Path.Combine(ProcessTools.NodeFolder, script), node.Address.ToString(), node.Token("amy"), node.Token("ben")]);

    private static async Task<JsonElement> EventAsync(RealProcess script, string name, Func<JsonElement, bool>? matches = null)
    {
        var line = await script.LineAsync($"the event {name}", line =>
            line.StartsWith($$"""{"event":"{{name}}",""", StringComparison.Ordinal) && (matches is null || matches(JsonDocument.Parse(line).RootElement)));
        return JsonDocument.Parse(line).RootElement;
    }
}
