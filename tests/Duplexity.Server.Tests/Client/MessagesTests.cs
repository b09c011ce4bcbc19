using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The SDK against a real node: messages.</summary>
public sealed class MessagesTests
{
    public sealed record Move(string Card, int X, int Y);

    [Theory]
    [InlineData(WireFormat.MessagePack)]
    [InlineData(WireFormat.Json)]
    public async Task What_one_client_sends_to_a_room_another_one_reads_there(WireFormat format)
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben", o => o with { Format = format });
        await using var amy = await node.ConnectAsync("amy", o => o with { Format = format });
        await using var room = await amy.JoinAsync("lobby");

        var receipt = await ben.SendAsync(Address.Room("lobby"), "hello").Soon();
        await ben.SendAsync(Address.Room("lobby"), new byte[] { 1, 2, 0, 255 }).Soon();
        await ben.SendAsync(Address.Room("lobby"), new Move("c3", 1, 2)).Soon();

        var messages = await TakeAsync(room, 3);
        receipt.Complete.Should().BeTrue();
        messages[0].Id.Should().Be(receipt.MessageId);
        messages[0].Text.Should().Be("hello");
        messages[0].From.Client.Should().Be("ben");
        messages[0].From.Socket.Should().Be(ben.SocketId);
        messages[0].For.Should().Be("amy");
        messages[0].Channel.Should().Be(Address.Room("lobby"));
        messages[1].Bytes.ToArray().Should().Equal(1, 2, 0, 255);
        messages[2].Type.Should().Be("Move");
        messages[2].ReadFromJson<Move>().Should().Be(new Move("c3", 1, 2));
    }

    [Fact]
    public async Task Typed_readers_see_their_type_only_and_a_body_that_does_not_parse_is_passed_over_and_told()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy");
        await using var room = await amy.JoinAsync("board");
        var faults = new List<string?>();
        using var _ = room.OnFault((m, _) => faults.Add(m.Text));
        await ben.SendAsync(Address.Room("board"), "just text");
        await ben.SendAsync(Address.Room("board"), "{not json", new SendOptions { Type = nameof(Move) });
        await ben.SendAsync(Address.Room("board"), new Move("a", 1, 1));

        var moves = room.ReadAllAsync<Move>().GetAsyncEnumerator();
        var texts = room.ReadAllAsync<string>().GetAsyncEnumerator();
        (await texts.MoveNextAsync().Soon()).Should().BeTrue();
        (await moves.MoveNextAsync().Soon()).Should().BeTrue();
        texts.Current.Body.Should().Be("just text");
        moves.Current.Body.Should().Be(new Move("a", 1, 1));

        faults.Should().Equal("{not json");
    }

    private static async Task<List<Message>> TakeAsync(Subscription subscription, int count)
    {
        using var timeout = new CancellationTokenSource(TestTimeout.Soon);
        var messages = new List<Message>();
        await foreach (var message in subscription.ReadAllAsync(timeout.Token))
        {
            messages.Add(message);
            if (messages.Count == count)
            {
                break;
            }
        }

        return messages;
    }
}
