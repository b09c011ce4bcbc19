using System.Net.WebSockets;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Hubs.Hostile;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Bounds;

/// <summary>What a connection costs before and beside its calls: each bound is driven over its edge while others are served, and the node keeps nothing of it (G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class ConnectionBoundTests
{
    /// <summary>What can be sent before a frame is given up at the latest: more than the buffers between two programs hold (40 MB), so that somebody must have read it.</summary>
    private const long BytesUntilNoticed = 128 * 1024 * 1024;

    [Theory]
    [InlineData("data")]
    [InlineData("control")]
    public async Task Connections_that_never_shake_hands_are_closed_in_time_and_never_were_sockets(string hub)
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.Handshake = TimeSpan.FromSeconds(4));
        await using var neighbours = await Neighbours.StartAsync(node);
        var sockets = node.Services.GetRequiredService<SocketIndex>();

        await neighbours.AreServedWhileAsync(() => Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            using var silent = new ClientWebSocket();
            silent.Options.SetRequestHeader("Authorization", $"Bearer {node.Token("silent")}");
            await silent.ConnectAsync(new UriBuilder(new Uri(node.Address, hub)) { Scheme = "ws" }.Uri, CancellationToken.None).Soon();
            sockets.All.Should().HaveCount(2);
            await EndAsync(silent).Soon();
        })));

        sockets.All.Should().HaveCount(2);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_call_too_many_of_what_is_not_there_ends_the_connection_and_its_session_is_told(bool json)
    {
        await using var node = await TestNode.StartAsync();
        node.Logs.Expect(line => line.Category.StartsWith("Microsoft.AspNetCore.SignalR", StringComparison.Ordinal));
        await using var neighbours = await Neighbours.StartAsync(node);

        await neighbours.AreServedWhileAsync(async () =>
        {
            await using (var flood = await HostileSocket.ConnectAsync(node, "data?session=s1", node.Token("flood"), json))
            {
                var calls = new HostileMessages(0, typeof(IDataHub), json);
                for (var i = 0; i < 30 && await flood.SendAsync(calls.Call("Shout", 1).Frame); i++)
                {
                }

                await flood.Ended.Soon();
                flood.Answers.Should().HaveCount(20).And.OnlyContain(a => a.Value.SignalR!.StartsWith("Failed to invoke 'Shout'"));
                await node.Logs.WaitForAsync("the socket is gone", line => line.Event.Name == "SocketGone" && line.Text.Contains("flood", StringComparison.Ordinal));
            }

            await using var back = await StockSocket.DataAsync(node, "flood", query: "?session=s1");
            back.Welcome.Previous!.Code.Should().Be(Errors.ProtocolViolation.Code);
        });
    }

    [Fact]
    public async Task A_frame_of_64_KB_is_read_and_one_byte_more_ends_the_connection()
    {
        await using var node = await TestNode.StartAsync();
        node.Logs.Expect(line => line.Category.StartsWith("Microsoft.AspNetCore.SignalR", StringComparison.Ordinal));
        await using var neighbours = await Neighbours.StartAsync(node);

        await using (var largest = await HostileSocket.ConnectAsync(node, "data", node.Token("large"), json: true))
        {
            await largest.SendAsync(Frame(Wire.MaxMessageBytes));
            await largest.SettleAsync(["1"]);
            largest.Answers["1"].Code.Should().Be(0);
        }

        await neighbours.AreServedWhileAsync(async () =>
        {
            await using (var larger = await HostileSocket.ConnectAsync(node, "data?session=s1", node.Token("large"), json: true))
            {
                await larger.SendAsync(Frame(Wire.MaxMessageBytes + 1));
                await larger.Ended.Soon();
                larger.Answers.Should().BeEmpty();
            }

            await using var back = await StockSocket.DataAsync(node, "large", query: "?session=s1");
            back.Welcome.Previous?.Code.Should().Be(Errors.ProtocolViolation.Code);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_frame_that_never_ends_is_not_waited_for(bool json)
    {
        await using var node = await TestNode.StartAsync();
        node.Logs.Expect(line => line.Category.StartsWith("Microsoft.AspNetCore.SignalR", StringComparison.Ordinal));
        await using var neighbours = await Neighbours.StartAsync(node);
        await neighbours.AreServedWhileAsync(async () =>
        {
            await using var endless = await HostileSocket.ConnectAsync(node, "data", node.Token("endless"), json);

            // In MessagePack the length comes first, and says two gigabytes.
            var isOpen = await endless.SendAsync(json ? "{\"type\":1,\"x\":\""u8.ToArray() : [0xff, 0xff, 0xff, 0xff, 0x07]);
            var piece = Encoding.ASCII.GetBytes(new string('x', 8_000));
            long sent = 0;
            for (; isOpen && sent <= BytesUntilNoticed; sent += piece.Length)
            {
                isOpen = await endless.SendAsync(piece);
            }

            sent.Should().BeLessThan(BytesUntilNoticed);
            await endless.Ended.Soon();
        });
    }

    [Theory]
    [InlineData(true, 31, true)]
    [InlineData(true, 100, false)]
    [InlineData(true, 30_000, false)]
    [InlineData(false, 31, true)]
    [InlineData(false, 60_000, true)]
    public async Task What_nests_deep_where_nobody_looks_is_skipped_or_ends_the_connection_and_nothing_overflows(bool json, int depth, bool isAnswered)
    {
        await using var node = await TestNode.StartAsync();
        node.Logs.Expect(line => line.Category.StartsWith("Microsoft.AspNetCore.SignalR", StringComparison.Ordinal));
        await using var neighbours = await Neighbours.StartAsync(node);

        await neighbours.AreServedWhileAsync(async () =>
        {
            await using (var deep = await HostileSocket.ConnectAsync(node, "data?session=s1", node.Token("deep"), json))
            {
                await deep.SendAsync(json ? NestedJson(depth) : NestedMessagePack(depth));
                await (isAnswered ? deep.SettleAsync(["1"]) : deep.Ended).Soon();
                deep.Answers.Select(a => (a.Key, a.Value.Code)).Should().Equal(isAnswered ? [("1", 0)] : []);
            }

            if (!isAnswered)
            {
                await using var back = await StockSocket.DataAsync(node, "deep", query: "?session=s1");
                back.Welcome.Previous?.Code.Should().Be(Errors.ProtocolViolation.Code);
            }
        });
    }

    [Fact]
    public async Task A_client_has_as_many_sockets_as_it_may_and_the_next_one_is_closed_by_name_of_the_limit()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.SocketsPerClient = 3);
        await using var neighbours = await Neighbours.StartAsync(node);
        var sockets = node.Services.GetRequiredService<SocketIndex>();
        var few = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StockSocket.DataAsync(node, "amy")));

        await neighbours.AreServedWhileAsync(async () =>
        {
            await using var raw = await RawHub.ConnectAsync(node, "data", node.Token("amy"));
            (await raw.EventAsync("Disconnected")).GetProperty("code").GetInt32().Should().Be(Errors.SocketLimit.Code);
            while (await raw.ReadAsync() is not null)
            {
            }
        });

        sockets.OfClient("amy").Select(s => s.Id).Should().BeEquivalentTo(few.Select(s => s.Id));
        foreach (var socket in few)
        {
            await socket.DisposeAsync();
        }
    }

    /// <summary>A call of Send that has exactly so many bytes, the one that ends it included.</summary>
    private static byte[] Frame(int bytes)
    {
        const string Head = """{"type":1,"invocationId":"1","target":"Send","arguments":[{"to":["room:r"],"text":""";
        const string Tail = "\"}]}\u001e";
        var head = Head + "\"";
        return Encoding.ASCII.GetBytes(head + new string('x', bytes - head.Length - Tail.Length) + Tail);
    }

    /// <summary>A call of History whose record has a member more than the hub knows, which nests.</summary>
    private static byte[] NestedJson(int depth) => Encoding.ASCII.GetBytes(
        $$"""{"type":1,"invocationId":"1","target":"History","arguments":[{"channel":"room:r","x":{{new string('[', depth)}}{{new string(']', depth)}}}]}""" + "\u001e");

    /// <summary>The same in MessagePack: eight members that the hub knows, and one further on.</summary>
    private static byte[] NestedMessagePack(int depth)
    {
        byte[] body = [0x95, 1, 0x80, 0xa1, (byte)'1', 0xa7, .. "History"u8, 0x91, 0x99, 0xc0, 0xa6, .. "room:r"u8, .. Enumerable.Repeat((byte)0xc0, 6), .. Enumerable.Repeat((byte)0x91, depth), 0xc0];
        return [(byte)(body.Length | 0x80), (byte)((body.Length >> 7) | 0x80), (byte)(body.Length >> 14), .. body];
    }

    private static async Task EndAsync(ClientWebSocket socket)
    {
        var buffer = new byte[1024];
        try
        {
            while ((await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (WebSocketException)
        {
            // Cut: an end as well.
        }
    }
}
