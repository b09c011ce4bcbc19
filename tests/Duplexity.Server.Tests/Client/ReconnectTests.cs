using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The SDK against a real node: losses, and what must not be lost with them.</summary>
public sealed class ReconnectTests
{
    [Fact]
    public async Task The_first_connect_fails_fast_where_nobody_listens()
    {
        await using var connection = new DuplexityConnection(new Uri($"http://127.0.0.1:{FreePorts.One()}"));

        var failure = await connection.Invoking(c => c.ConnectAsync().Soon()).Should().ThrowAsync<DuplexityException>();

        failure.Which.Kind.Should().Be(ErrorKind.Unavailable);
        connection.State.Should().Be(ConnectionState.Connecting);
    }

    [Fact]
    public async Task A_token_that_is_not_accepted_is_denied_and_a_better_one_connects()
    {
        await using var node = await TestNode.StartAsync();
        var token = "nonsense";
        await using var connection = node.Connection("ben", o => o with { Token = _ => ValueTask.FromResult<string?>(token) });

        var failure = await connection.Invoking(c => c.ConnectAsync().Soon()).Should().ThrowAsync<DuplexityException>();
        token = node.Token("ben");
        await connection.ConnectAsync().Soon();

        failure.Which.Kind.Should().Be(ErrorKind.Denied);
        connection.State.Should().Be(ConnectionState.Ready);
        connection.Client.Should().Be("ben");
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    public async Task A_lost_connection_comes_back_by_itself_and_its_room_misses_nothing_and_repeats_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var line = new FaultyLine(node.Port);
        await using var amy = await ConnectAsync(node, line, "amy");
        await using var room = await amy.JoinAsync("lobby");
        var reader = room.ReadAllAsync().GetAsyncEnumerator();
        await ben.SendAsync(Address.Room("lobby"), "0");
        await NextAsync(reader, "0");

        for (var i = 1; i <= 5; i++)
        {
            var before = amy.SocketId;
            var back = Wait.For<ConnectionStateChange>("amy is back", back => amy.StateChanged += c =>
            {
                if (c.Current == ConnectionState.Ready && amy.SocketId != before)
                {
                    back(c);
                }
            });
            line.Cut();
            await ben.SendAsync(Address.Room("lobby"), $"{i} while she is away, or just back").Soon();
            await back;
            await ben.SendAsync(Address.Room("lobby"), $"{i} after").Soon();

            await NextAsync(reader, $"{i} while she is away, or just back");
            await NextAsync(reader, $"{i} after");
        }
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task Pipelined_sends_keep_their_order_and_are_stored_once_though_the_connection_is_cut_again_and_again()
    {
        await using var node = await TestNode.StartAsync();
        await using var line = new FaultyLine(node.Port);
        await using var ben = await ConnectAsync(node, line, "ben", TimeSpan.FromSeconds(60));

        var sends = new List<Task<Receipt>>();
        for (var i = 0; i < 1000; i++)
        {
            sends.Add(ben.SendAsync(Address.Room("log"), i.ToString()));
            if (i % 300 == 150)
            {
                await sends[i - 100].Soon();
                line.Cut();
            }
        }

        await Task.WhenAll(sends).Soon(TestTimeout.Long);

        var stored = new List<string?>();
        await foreach (var message in ben.HistoryAsync(Address.Room("log")))
        {
            stored.Add(message.Text);
        }

        stored.Should().Equal(Enumerable.Range(0, 1000).Select(i => i.ToString()));
    }

    [Fact]
    public async Task A_full_read_buffer_pauses_its_channel_alone_and_catches_up_from_the_log()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy", o => o with { ReadBuffer = 8 });
        await using var slow = await amy.JoinAsync("slow");
        await using var quick = await amy.JoinAsync("quick");
        for (var i = 0; i < 200; i++)
        {
            await ben.SendAsync(Address.Room("slow"), i.ToString()).Soon();
        }

        await ben.SendAsync(Address.Room("quick"), "past the jam").Soon();
        await NextAsync(quick.ReadAllAsync().GetAsyncEnumerator(), "past the jam");

        var reader = slow.ReadAllAsync().GetAsyncEnumerator();
        for (var i = 0; i < 200; i++)
        {
            await NextAsync(reader, i.ToString());
        }
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task Who_is_forced_out_stays_away_and_is_told_why()
    {
        await using var node = await TestNode.StartAsync();
        await using var first = await node.ConnectAsync("ben");
        await using var second = await node.ConnectAsync("ben");
        await using var room = await second.JoinAsync("lobby");

        var mine = await first.Sockets.ListAsync().Soon();
        var closed = await first.Sockets.CloseAsync(Address.Socket(second.SocketId), "cleaning up").Soon();

        mine.Select(s => s.SocketId).Should().BeEquivalentTo([first.SocketId, second.SocketId]);
        closed.Should().Be(1);
        var reason = await second.Closed.Soon();
        reason.Code.Should().Be(Errors.ForcedOut.Code);
        reason.Sentence.Should().Contain("cleaning up");
        second.State.Should().Be(ConnectionState.Closed);
        await FluentActions.Awaiting(() => room.ReadAllAsync().GetAsyncEnumerator().MoveNextAsync().Soon()).Should().ThrowAsync<DuplexityException>();
        await FluentActions.Awaiting(() => second.SendAsync(Address.Room("lobby"), "x").Soon()).Should().ThrowAsync<DuplexityException>();
        first.State.Should().Be(ConnectionState.Ready);
    }

    [Fact]
    public async Task The_inbox_and_the_sockets_own_address_arrive_at_one_reader()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy", o => o with { DirectFromAnyone = true });
        await ben.SendAsync(Address.Socket(amy.SocketId), "to the socket").Soon();
        var reader = amy.Inbox.ReadAllAsync().GetAsyncEnumerator();
        var direct = await NextAsync(reader, "to the socket");
        await amy.Inbox.JoinAsync().Soon();
        await ben.SendAsync(Address.Client("amy"), "to the client").Soon();
        var message = await NextAsync(reader, "to the client");

        await ben.Inbox.JoinAsync().Soon();
        await message.ReplyAsync("an answer").Soon();
        var answer = await NextAsync(ben.Inbox.ReadAllAsync().GetAsyncEnumerator(), "an answer");

        direct.Channel.Should().Be(Address.Socket(amy.SocketId));
        message.Channel.Should().Be(Address.Client("amy"));
        answer.Re.Should().Be(message.Id);
    }

    [Fact]
    public async Task A_place_that_is_gone_is_told_as_a_gap_and_reading_goes_on()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await ben.SendAsync(Address.Room("lobby"), "old").Soon();

        await using var room = await ben.JoinAsync("lobby", new JoinOptions { Since = new Position(1, "another-epoch") });
        var gap = await Wait.For<Gap>("the gap", told => room.OnGap(told));
        await using var amy = await node.ConnectAsync("amy");
        await amy.SendAsync(Address.Room("lobby"), "new").Soon();

        gap.From.Should().Be(new Position(1, "another-epoch"));
        await NextAsync(room.ReadAllAsync().GetAsyncEnumerator(), "new");
    }

    [Fact]
    public async Task Disposing_ends_readers_in_order_and_completes_closed()
    {
        await using var node = await TestNode.StartAsync();
        var ben = await node.ConnectAsync("ben");
        var room = await ben.JoinAsync("lobby");
        var reading = room.ReadAllAsync().GetAsyncEnumerator().MoveNextAsync();

        await ben.DisposeAsync().AsTask().Soon();

        (await reading.Soon()).Should().BeFalse();
        (await ben.Closed.Soon()).IsDisposed.Should().BeTrue();
        await ben.DisposeAsync().AsTask().Soon();
    }

    private static async Task<Message> NextAsync(IAsyncEnumerator<Message> reader, string text)
    {
        (await reader.MoveNextAsync().Soon(what: text)).Should().BeTrue();
        reader.Current.Text.Should().Be(text);
        return reader.Current;
    }

    private static async Task<DuplexityConnection> ConnectAsync(TestNode node, FaultyLine line, string client, TimeSpan? sendTimeout = null)
    {
        var connection = new DuplexityConnection(line.Address, new DuplexityConnectionOptions
        {
            Token = _ => ValueTask.FromResult<string?>(node.Token(client)),
            SendTimeout = sendTimeout ?? TimeSpan.FromSeconds(10),
        });
        await connection.ConnectAsync().Soon();
        return connection;
    }
}
