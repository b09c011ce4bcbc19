using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>A reader that stops costs itself its connection, and nobody else anything.</summary>
public sealed class SlowConsumerTests
{
    private const int Members = 100;

    // 200 × 30 KB: more than pipe, kernel and queue hold together for one socket.
    private const int Messages = 200;

    [Fact]
    [Trait("Requirement", "3.3")]
    [Trait("Requirement", "2.22")]
    public async Task A_socket_that_stops_reading_is_closed_the_others_miss_nothing_and_it_recovers()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.SocketQueueAge = TimeSpan.FromSeconds(3));
        await using var slow = await RawHub.ConnectAsync(node, "data?session=sleepy", node.Token("sleepy"), receiveBuffer: 8 * 1024);
        var place = (await slow.AskAsync("Join", new { channel = "room:r" })).GetProperty("position").Clone();
        var others = await Task.WhenAll(Enumerable.Range(0, Members - 1).Select(i => node.ConnectAsync($"reader{i}"))).Soon(TestTimeout.Long);
        var heard = new List<Heard>();
        foreach (var other in others)
        {
            heard.Add(new Heard(await other.JoinAsync("r")));
        }

        await using var sender = await node.ConnectAsync("sender");
        var padding = new string('x', 30_000);
        for (var i = 0; i < Messages; i++)
        {
            await sender.SendAsync(Address.Room("r"), $"{i} {padding}");
        }

        // The others have everything, in order, while the one that sleeps has not read a byte.
        foreach (var one in heard)
        {
            for (var i = 0; i < Messages; i++)
            {
                (await one.NextAsync()).Text.Should().StartWith($"{i} ");
            }
        }

        await node.Logs.WaitForAsync("the sleeping socket is gone", l => l.Event.Name == "SocketGone" && l.Text.Contains("sleepy", StringComparison.Ordinal));

        // It wakes up, reads what the kernel kept, and finds that it was cut off.
        var seen = new List<string>();
        while (await slow.ReadAsync() is { } message)
        {
            place = Take(message, seen) ?? place;
        }

        seen.Count.Should().BeLessThan(Messages);

        // It comes back under its session, is told why it was cut off, and gets the rest.
        await using var again = await RawHub.ConnectAsync(node, "data?session=sleepy", node.Token("sleepy"));
        var welcome = await again.EventAsync("Welcome");
        welcome.GetProperty("previous").GetProperty("code").GetInt32().Should().Be(Errors.SlowConsumer.Code);
        var joined = await again.AskAsync("Join", new { channel = "room:r", since = place }, message => Take(message, seen));
        joined.GetProperty("recovered").GetBoolean().Should().BeTrue();
        while (seen.Count < Messages && await again.ReadAsync() is { } message)
        {
            Take(message, seen);
        }

        string.Join(' ', seen).Should().Be(string.Join(' ', Enumerable.Range(0, Messages)));
        foreach (var other in others)
        {
            await other.DisposeAsync();
        }
    }

    /// <summary>Notes the numbers of a Deliver; the place of its last message.</summary>
    private static JsonElement? Take(JsonElement message, List<string> seen)
    {
        if (!message.TryGetProperty("target", out var target) || target.GetString() != "Deliver")
        {
            return null;
        }

        JsonElement? place = null;
        foreach (var delivered in message.GetProperty("arguments")[0].EnumerateArray())
        {
            seen.Add(delivered.GetProperty("text").GetString()!.Split(' ')[0]);
            place = delivered.GetProperty("position").Clone();
        }

        return place;
    }
}
