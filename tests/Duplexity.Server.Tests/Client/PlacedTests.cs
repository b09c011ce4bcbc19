using System.Threading.Channels;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>What the server lets the SDK's connection listen to by itself, at a real node.</summary>
[Trait("Requirement", "1.25")]
public sealed class PlacedTests : IAsyncLifetime
{
    private readonly Channel<Subscription> _placed = System.Threading.Channels.Channel.CreateUnbounded<Subscription>();
    private TestNode _node = null!;
    private DuplexityConnection _amy = null!;

    private IDuplexity Application => _node.Services.GetRequiredService<IDuplexity>();

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _amy = await _node.ConnectAsync("amy");
    }

    public async Task DisposeAsync()
    {
        await _amy.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Who_is_put_into_a_room_gets_it_as_a_room_with_all_that_is_said_from_then_on_also_over_a_reconnect()
    {
        _amy.Placed += Hear;
        await Application.SubscribeAsync("amy", Address.Room("lobby"));
        var room = (await _placed.Reader.ReadAsync().Soon()).Should().BeOfType<Room>().Subject;
        await Application.SendAsync(room.Address, "one");
        await using var reading = room.ReadAllAsync().GetAsyncEnumerator();
        (await NextAsync(reading)).Should().Be("one");

        var back = Wait.For<ConnectionStateChange>("the reconnect", told => _amy.StateChanged += change =>
        {
            if (change is { Current: ConnectionState.Ready, Previous: ConnectionState.Reconnecting })
            {
                told(change);
            }
        });
        _node.Services.GetRequiredService<SocketIndex>().Find(_amy.SocketId)!.Transport.Cut();
        await Application.SendAsync(room.Address, "two");
        await back;

        (await NextAsync(reading)).Should().Be("two");
        await _amy.Awaiting(a => a.JoinAsync("lobby")).Should().ThrowAsync<InvalidOperationException>("it has the room already");
    }

    [Fact]
    public async Task Who_is_taken_out_again_reads_the_reason_and_a_room_that_nobody_wanted_can_be_joined()
    {
        await Application.SubscribeAsync("amy", Address.Room("lobby"));
        await using (await _amy.JoinAsync("lobby"))
        {
        }

        _amy.Placed += Hear;
        await Application.SubscribeAsync("amy", Address.Room("stage"));
        Subscription stage;
        do
        {
            stage = await _placed.Reader.ReadAsync().Soon(); // that it was placed in the lobby may be told behind the answer that it has left
        }
        while (stage.Address != Address.Room("stage"));

        await Application.UnsubscribeAsync("amy", Address.Room("stage"), "enough");

        await using var reading = stage.ReadAllAsync().GetAsyncEnumerator();
        (await reading.Awaiting(r => NextAsync(r)).Should().ThrowAsync<DuplexityException>()).Which.Message.Should().Contain("enough");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Who_is_moved_to_another_lockspace_is_there_with_what_is_said_there_and_the_old_ones_readers_end()
    {
        await Application.Lockspaces.CreateAsync("waiting", channel: true, hold: true);
        await Application.Lockspaces.CreateAsync("exam", channel: true, hold: true);
        _amy.Placed += Hear;
        var waiting = await _amy.EnterAsync("waiting");
        await using var old = waiting.ReadAllAsync().GetAsyncEnumerator();
        await using var card = await waiting.AcquireAsync("card");

        (await Application.Lockspaces.MoveToAsync("waiting", "exam", "amy")).Should().Be(1);

        var exam = (await _placed.Reader.ReadAsync().Soon()).Should().BeOfType<Lockspace>().Subject;
        waiting.MovedTo.Should().BeSameAs(exam);
        while (await old.MoveNextAsync().AsTask().Soon())
        {
        }

        await Application.SendAsync(exam.Address, "begin");
        await using var reading = exam.ReadAllAsync().GetAsyncEnumerator();
        while (await NextAsync(reading) != "begin")
        {
        }

        (await exam.SendAsync("here")).Complete.Should().BeTrue("it is held there, and talks to it alone");
        await using var other = await exam.AcquireAsync("pencil");
        card.Lost.IsCancellationRequested.Should().BeFalse();
        (await Application.ListMembersAsync(exam.Address)).Select(m => m.Client).Should().Equal("amy");
        (await Application.ListMembersAsync(waiting.Address)).Should().BeEmpty();
    }

    private void Hear(Subscription placed) => _placed.Writer.TryWrite(placed);

    private static async Task<string?> NextAsync(IAsyncEnumerator<Message> reading) => await reading.MoveNextAsync().AsTask().Soon() ? reading.Current.Text : null;
}
