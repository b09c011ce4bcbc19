using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>The inbox on the wire: what waits, which reader has come how far, and what is refused.</summary>
public sealed class InboxTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Requirement", "1.8")]
    [Trait("Requirement", "1.31")]
    public async Task What_was_sent_while_nobody_was_there_waits_is_counted_and_comes_once(bool json)
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await SendAsync(ben, 3);

        await using (var amy = await StockSocket.DataAsync(node, "amy", json))
        {
            (await amy.JoinAsync("client:amy")).Waiting.Should().Be(3);
            (await amy.TextsAsync(3)).Should().Equal("1", "2", "3");
            await amy.SettleAsync(ben);
            await amy.LeaveAsync(node);
        }

        await ben.SendAsync("4", "client:amy");
        await using var again = await StockSocket.DataAsync(node, "amy", json);
        (await again.JoinAsync("client:amy")).Waiting.Should().Be(1, "what was written to the socket counts as acknowledged");
        (await again.TextsAsync(1)).Should().Equal("4");
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task Who_only_looks_acknowledges_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await SendAsync(ben, 3);

        await amy.JoinAsync("client:amy", last: 2);
        (await amy.TextsAsync(2)).Should().Equal("2", "3");
        (await JoinAsync(amy, new() { Ack = "none" })).Position!.Offset.Should().Be(3, "who looks begins now");
        await amy.SettleAsync(ben);

        (await JoinAsync(amy, new())).Waiting.Should().Be(3);
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Readers_that_name_themselves_have_places_of_their_own_and_there_are_sixteen_of_them()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        foreach (var reader in Enumerable.Range(1, 16))
        {
            await JoinAsync(amy, new() { Reader = $"device-{reader}", Ack = "handled" });
        }

        await JoinAsync(amy, new() { Ack = "handled" });
        var error = (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amy", Reader = "one more" })).Error!;
        (error.Code, error.Limit).Should().Be((311, "inbox_readers"));

        await SendAsync(ben, 3);
        var messages = new[] { await amy.NextAsync(), await amy.NextAsync(), await amy.NextAsync() };
        (await AcknowledgeAsync(amy, new() { Reader = "device-1", Through = messages[1].Position })).Error.Should().BeNull();

        (await JoinAsync(amy, new() { Reader = "device-1", Ack = "handled" })).Waiting.Should().Be(1);
        (await JoinAsync(amy, new() { Reader = "device-2", Ack = "handled" })).Waiting.Should().Be(3);
        (await JoinAsync(amy, new() { Ack = "handled" })).Waiting.Should().Be(3);
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Places_of_readers_hold_over_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-inbox-");
        try
        {
            await using (var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = folder.FullName))
            {
                await using var ben = await StockSocket.DataAsync(node, "ben");
                await using var amy = await StockSocket.DataAsync(node, "amy");
                await SendAsync(ben, 5);
                await JoinAsync(amy, new() { Ack = "handled" });
                await amy.TextsAsync(2);
                var third = await amy.NextAsync();
                await AcknowledgeAsync(amy, new() { Through = third.Position });
            }

            await using var next = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = folder.FullName);
            await using var back = await StockSocket.DataAsync(next, "amy");
            var joined = await JoinAsync(back, new());
            (joined.Waiting, joined.Recovered).Should().Be((2, null));
            (await back.TextsAsync(2)).Should().Equal("4", "5");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task One_sender_fills_a_tenth_and_pushes_nobody_out()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Limits.InboxMessages, o.Limits.MessagesPerChannel) = (100, 100));
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var cleo = await StockSocket.DataAsync(node, "cleo");
        await cleo.SendAsync("from cleo", "client:amy");

        await SendAsync(ben, 10);
        for (var i = 0; i < 300; i++)
        {
            var error = (await ben.SendAsync("flood", "client:amy")).Error!;
            (error.Code, error.Limit, error.Gate).Should().Be((304, "inbox_messages_per_sender", "inbox"));
        }

        (await cleo.SendAsync("still from cleo", "client:amy")).Error.Should().BeNull();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        (await amy.JoinAsync("client:amy")).Waiting.Should().Be(12);
        (await amy.TextsAsync(12)).Should().StartWith("from cleo").And.EndWith("still from cleo");
        await amy.SettleAsync(cleo);
        (await ben.SendAsync("there is room again", "client:amy")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task A_full_inbox_refuses_its_senders_also_after_a_restart_and_loses_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-inbox-");
        void Configure(TestNodeSetup setup)
        {
            setup.Settings["Duplexity:Data"] = folder.FullName;
            setup.Options = o => (o.Limits.InboxMessages, o.Limits.MessagesPerChannel) = (20, 20);
        }

        try
        {
            await using (var node = await TestNode.StartAsync(Configure))
            {
                var sent = 0;
                foreach (var sender in Enumerable.Range(0, 10))
                {
                    await using var socket = await StockSocket.DataAsync(node, $"sender-{sender}");
                    await socket.SendAsync($"{++sent}", "client:amy");
                    await socket.SendAsync($"{++sent}", "client:amy");
                }

                await using var late = await StockSocket.DataAsync(node, "late");
                (await late.SendAsync("too much", "client:amy")).Error!.Limit.Should().Be("inbox_messages");
            }

            await using var next = await TestNode.StartAsync(Configure);
            await using var flood = await StockSocket.DataAsync(next, "flood");
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => flood.SendAsync("flood", "client:amy")));
            await using var amy = await StockSocket.DataAsync(next, "amy");
            await amy.JoinAsync("client:amy");
            (await amy.TextsAsync(20)).Should().Equal(Enumerable.Range(1, 20).Select(i => $"{i}"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task What_cannot_be_meant_is_refused()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        foreach (var request in new JoinRequest[] { new() { Ack = "perhaps" }, new() { Reader = "" }, new() { Reader = new string('x', 129) }, new() { Ack = "manual", Last = 3 } })
        {
            (await amy.InvokeAsync<JoinResponse>("Join", request with { Channel = "client:amy" })).Error!.Code.Should().Be(102);
        }

        (await AcknowledgeAsync(amy, new() { Channel = "client:ben", Through = Position.Start })).Error!.Code.Should().Be(203);
        (await AcknowledgeAsync(amy, new() { Channel = "room:r", Through = Position.Start })).Error!.Code.Should().Be(102);
    }

    internal static async Task<JoinResponse> JoinAsync(StockSocket socket, JoinRequest request)
    {
        var answer = await socket.InvokeAsync<JoinResponse>("Join", request with { Channel = "client:amy" });
        return answer.Error is { } error ? throw new DuplexityException(error) : answer;
    }

    internal static Task<Done> AcknowledgeAsync(StockSocket socket, AcknowledgeRequest request) =>
        socket.InvokeAsync<Done>("Acknowledge", request with { Channel = request.Channel ?? "client:amy" });

    internal static async Task SendAsync(StockSocket sender, int count)
    {
        for (var i = 1; i <= count; i++)
        {
            (await sender.SendAsync($"{i}", "client:amy")).Error.Should().BeNull();
        }
    }
}
