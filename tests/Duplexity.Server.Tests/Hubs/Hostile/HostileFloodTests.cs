using System.Reflection;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Bounds;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs.Hostile;

/// <summary>Ten thousand random and mutated messages, too deep, too large, of wrong types, to methods that are not there, after the end: whatever comes is answered or ended by a documented code. Alone on the machine: it measures the memory of the process.</summary>
[Trait("Guarantee", "G24")]
[Collection(nameof(HostileFloodTests))]
[CollectionDefinition(nameof(HostileFloodTests), DisableParallelization = true)]
public sealed class HostileFloodTests
{
    private const int Messages = 2_500;
    private const int PerConnection = 60;

    /// <summary>What may stay behind a flood: the logs of the rooms that it wrote to, not the flood.</summary>
    private const long MemoryThatMayStay = 32 * 1024 * 1024;

    private static readonly int[] Documented = [0, .. typeof(Errors).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (((int Code, string Name))f.GetValue(null)!).Code)];

    [Theory]
    [InlineData("data", true)]
    [InlineData("data", false)]
    [InlineData("control", true)]
    [InlineData("control", false)]
    public async Task Whatever_a_client_sends_is_answered_or_ended_by_a_documented_code_and_nobody_else_notices(string hub, bool json)
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Times.SessionGrace = TimeSpan.Zero;
            o.Times.ControlWait = TimeSpan.FromSeconds(1);
        });

        // SignalR's own word at Error about frames that are none, one a connection.
        node.Logs.Expect(line => line.Category.StartsWith("Microsoft.AspNetCore.SignalR", StringComparison.Ordinal));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var answered = 0;
        var called = new HashSet<string>();
        await using (var neighbours = await Neighbours.StartAsync(node))
        {
            await neighbours.AreServedUntilAsync(Task.Run(async () =>
            {
                for (int sent = 0, connection = 0; sent < Messages; connection++)
                {
                    var (frames, answers) = await FloodAsync(node, hub, json, seed: (hub.Length * 1000) + (json ? 500 : 0) + connection, Math.Min(PerConnection, Messages - sent), called);
                    sent += frames;
                    answered += answers;
                }
            }));
        }

        answered.Should().BeGreaterThan(Messages / 4, "most of it was readable, and looked at");
        called.Should().Contain(HubOf(hub).GetMethods().Select(m => m.Name), "no method is left out");
        await LeftEmptyAsync(node);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(MemoryThatMayStay);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_cannot_be_read_ends_the_connection_and_its_session_is_told_why_when_it_is_back(bool json)
    {
        await using var node = await TestNode.StartAsync();
        node.Logs.Expect(line => line.Category.StartsWith("Microsoft.AspNetCore.SignalR", StringComparison.Ordinal));
        await using (var socket = await HostileSocket.ConnectAsync(node, "data?session=s1", node.Token("mallory"), json))
        {
            // Three bytes that are no JSON; in MessagePack, a frame of one byte that is no message.
            await socket.SendAsync(json ? "{]\u001e"u8.ToArray() : [1, 0xc1]);
            await socket.Ended.Soon();
            await node.Logs.WaitForAsync("the socket is gone", line => line.Event.Name == "SocketGone");
        }

        await using var back = await StockSocket.DataAsync(node, "mallory", json, "?session=s1");

        back.Welcome.Previous!.Code.Should().Be(Errors.ProtocolViolation.Code);
    }

    /// <summary>One connection's share; answers how many frames went out, at least one, and how many were answered.</summary>
    private static async Task<(int Frames, int Answers)> FloodAsync(TestNode node, string hub, bool json, int seed, int most, HashSet<string> called)
    {
        var messages = new HostileMessages(seed, HubOf(hub), json);
        var owed = new List<string>();
        await using var socket = await HostileSocket.ConnectAsync(node, hub, node.Token($"mallory-{seed}"), json);
        var sent = 0;
        while (sent < most)
        {
            var (frame, id) = sent == 0 ? messages.First() : sent == most - 1 ? messages.Last() : messages.Next();
            sent++;
            if (!await socket.SendAsync(frame))
            {
                // After the end: nothing of it is answered, and nothing of it does anything.
                break;
            }

            if (id is not null && !messages.IsOutOfStep)
            {
                owed.Add(id);
            }
        }

        called.UnionWith(messages.Called);
        await socket.SettleAsync(owed);
        var answers = socket.Answers;
        foreach (var (id, (code, text)) in answers)
        {
            (code is { } known ? Documented.Contains(known) : text!.StartsWith("Failed to invoke '", StringComparison.Ordinal) || text.StartsWith("Unknown hub method '", StringComparison.Ordinal)
                    || text.StartsWith("The client attempted to invoke the non-streaming '", StringComparison.Ordinal))
                .Should().BeTrue($"call {id} of seed {seed} was answered {code} {text}");
        }

        if (socket.EndCode is { } end)
        {
            Documented.Should().Contain(end, $"seed {seed}");
        }

        return (sent, answers.Count);
    }

    private static Type HubOf(string hub) => hub == "data" ? typeof(IDataHub) : typeof(IControlHub);

    private static async Task LeftEmptyAsync(TestNode node)
    {
        var sockets = node.Services.GetRequiredService<SocketIndex>();
        var channels = node.Services.GetRequiredService<ChannelIndex>();
        await node.Logs.WaitForAsync("the last socket is gone", _ => sockets.All.Count + channels.Count == 0);
    }
}
