using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;
using ServerSubscription = Duplexity.Server.Channels.Subscription;

namespace Duplexity.Server.Tests.Graph;

/// <summary>Copies that are withheld because another destination is to bring the message, and what becomes of them where that does not.</summary>
[Trait("Guarantee", "G9")]
public sealed class WithheldTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_copy_that_was_withheld_for_a_channel_which_the_socket_leaves_before_it_brings_the_message_leaves_after_all(bool isTakenOff)
    {
        await using var rig = await WithheldRig.StartAsync();
        rig.Hand(rig.B, rig.InB(1, "both"));
        (await rig.TextsAsync()).Should().BeEmpty("room a is to bring it");

        var a = rig.A;
        await (isTakenOff ? rig.Ben.DropAsync("carl") : rig.Ben.LeaveAsync("carl", rig.RoomA));
        rig.Hand(a, rig.InA(1, "both"));

        (await rig.TextsAsync()).Should().Equal("b both");
        rig.Hand(rig.B, rig.InB(2, "next", isAlone: true));
        (await rig.ToldAsync()).Should().Equal("b 1 behind 0", "b 2 behind 1");
    }

    [Fact]
    public async Task A_copy_that_leaves_late_follows_what_was_told_last_and_leads_back_to_it()
    {
        await using var rig = await WithheldRig.StartAsync();
        rig.Hand(rig.B, rig.InB(1, "one"));
        rig.Hand(rig.B, rig.InB(2, "two"));
        rig.Hand(rig.B, rig.InB(3, "alone", isAlone: true));
        (await rig.TextsAsync()).Should().Equal("b alone");

        rig.Hand(rig.A, rig.InA(1, "one"));
        await rig.Ben.LeaveAsync("carl", rig.RoomA);

        (await rig.TextsAsync()).Should().Equal("b alone", "a one", "b two");
        (await rig.ToldAsync()).Should().Equal("b 3 behind 0", "a 1 behind 0", "b 2 behind 3", "b through 3 behind 2");
    }

    [Fact]
    public async Task What_the_other_channel_has_brought_does_not_come_again_when_it_is_left()
    {
        await using var rig = await WithheldRig.StartAsync();
        rig.Hand(rig.B, rig.InB(1, "first under b"));
        rig.Hand(rig.A, rig.InA(1, "first under b"));
        rig.Hand(rig.A, rig.InA(2, "first under a"));
        rig.Hand(rig.B, rig.InB(2, "first under a"));

        await rig.Ben.LeaveAsync("carl", rig.RoomA);

        (await rig.TextsAsync()).Should().Equal("a first under b", "a first under a");
    }

    [Fact]
    public async Task A_copy_that_was_withheld_leaves_where_the_other_channel_has_lost_what_it_was_to_bring()
    {
        await using var rig = await WithheldRig.StartAsync();
        rig.Hand(rig.B, rig.InB(1, "both"));

        rig.Ben.Socket.Move(rig.A, new Position(5, "later"));
        rig.Ben.Socket.Flush();

        (await rig.TextsAsync()).Should().Equal("b both");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Withheld_copies_are_waited_for_in_a_bounded_number_and_beyond_it_nothing_is_lost_either()
    {
        await using var rig = await WithheldRig.StartAsync();
        for (var i = 1; i <= 1_050; i++)
        {
            rig.Hand(rig.B, rig.InB(i, $"{i}"));
        }

        (await rig.TextsAsync()).Should().Equal(Enumerable.Range(1_001, 50).Select(i => $"b {i}"));
        await rig.Ben.LeaveAsync("carl", rig.RoomA);

        (await rig.TextsAsync()).Order().Should().Equal(Enumerable.Range(1, 1_050).Select(i => $"b {i}").Order());
    }

    [Fact]
    public async Task Whoever_joins_and_leaves_one_of_two_rooms_all_the_time_gets_every_message_that_goes_to_both()
    {
        await using var rig = await WithheldRig.StartAsync();
        var amy = await rig.Node.OpenAsync(rig.Node.IdentityOf("amy"));
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 3_000; i++)
            {
                (await amy.SendAsync("amy", $"{i}", rig.RoomA, rig.RoomB)).Error.Should().BeNull();
            }
        });
        while (!sending.IsCompleted)
        {
            await rig.Ben.LeaveAsync("carl", rig.RoomA);
            await rig.Ben.JoinAsync("carl", rig.RoomA);
        }

        await sending;
        await MemoryNode.AgreeAsync(async () => rig.B.Passed == await rig.Node.Engine.Log.TopAsync(rig.RoomB) ? null : $"The socket has come to {rig.B.Passed} of room b.");
        await rig.Ben.LeaveAsync("carl", rig.RoomA);

        var texts = (await rig.TextsAsync()).Select(t => t[2..]).ToArray();
        texts.Distinct().Select(int.Parse).Order().Should().Equal(Enumerable.Range(0, 3_000));
    }

    /// <summary>A socket of ben and carl in two rooms, b as ben and a as carl, into whose line a test puts what it likes.</summary>
    private sealed class WithheldRig : IAsyncDisposable
    {
        private const string Epoch = "e";

        private WithheldRig(MemoryNode node, MemorySocket ben)
        {
            (Node, Ben) = (node, ben);
            (RoomA, RoomB) = (Address.Room("a"), Address.Room("b"));
        }

        public MemoryNode Node { get; }

        public MemorySocket Ben { get; }

        public Address RoomA { get; }

        public Address RoomB { get; }

        public ServerSubscription A => Ben.Socket.SubscriptionTo(RoomA)!;

        public ServerSubscription B => Ben.Socket.SubscriptionTo(RoomB)!;

        public static async Task<WithheldRig> StartAsync()
        {
            var node = await MemoryNode.StartAsync(TimeProvider.System);
            var ben = await node.OpenAsync(node.IdentityOf("ben"));
            var rig = new WithheldRig(node, ben);
            (await ben.AuthenticateAsync(node.IdentityOf("carl"))).Should().BeNull();
            (await ben.JoinAsync("carl", rig.RoomA)).Should().BeNull();
            (await ben.JoinAsync("ben", rig.RoomB)).Should().BeNull();
            return rig;
        }

        public LogEntry InA(int offset, string text) => new(RoomA, At(offset), Before(offset), Message(text, RoomA, RoomB), []);

        public LogEntry InB(int offset, string text, bool isAlone = false) =>
            isAlone ? new(RoomB, At(offset), Before(offset), Message(text, RoomB), []) : new(RoomB, At(offset), Before(offset), Message(text, RoomA, RoomB), [At(offset)]);

        public void Hand(ServerSubscription subscription, LogEntry entry)
        {
            Ben.Socket.Enqueue(subscription, new Delivery(entry));
            Ben.Socket.Flush();
        }

        /// <summary>What was written to the socket so far: the channel and the text.</summary>
        public async Task<IEnumerable<string>> TextsAsync()
        {
            await Ben.Socket.Queue.PassAsync();
            return [.. Ben.Told().OfType<DeliveredMessage>().Select(m => $"{m.Channel[^1]} {m.Text}")];
        }

        /// <summary>What it was told of places.</summary>
        public async Task<IEnumerable<string>> ToldAsync()
        {
            await Ben.Socket.Queue.PassAsync();
            return [.. Ben.Told().Select(t => t is DeliveredMessage m
                ? $"{m.Channel[^1]} {m.Position.Offset} behind {m.After?.Offset ?? m.Position.Offset - 1}"
                : t is AdvancedEvent a ? $"{a.Channel[^1]} through {a.Through.Offset} behind {a.After.Offset}" : "")];
        }

        public ValueTask DisposeAsync() => Node.DisposeAsync();

        private static Position At(int offset) => new(offset, Epoch);

        private static Position Before(int offset) => offset == 1 ? Position.Start : At(offset - 1);

        private static StoredMessage Message(string text, params Address[] to) => new() { Id = text, FromClient = "amy", SentAt = DateTimeOffset.UnixEpoch, Text = text, Destinations = to };
    }
}
