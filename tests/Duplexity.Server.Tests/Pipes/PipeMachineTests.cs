using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

public sealed class PipeMachineTests
{
    [Fact]
    [Trait("Requirement", "1.13")]
    [Trait("Requirement", "1.17")]
    [Trait("Requirement", "1.19")]
    public async Task A_message_passes_socket_client_services_cooked_pipes_and_destination_in_that_order_without_any_socket()
    {
        var rig = new PipeRig();
        var trace = new MessageTrace();

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy", "1001"), PipeRig.Text("hi", "room:lobby"), trace);

        answer.Error.Should().BeNull();
        trace.Hops.Select(h => (h.Channel, h.Action, h.Target)).Should().Equal(
            ("service:ingress", "entered", "socket:1001"),
            ("service:ingress", "passed", "client:amy"),
            ("service:service", "entered", "client:amy"),
            ("service:cooked", "passed", "client:amy"),
            ("service:entry", "entered", "room:lobby"),
            ("service:entry", "passed", "room:lobby"));
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task A_gate_that_refuses_ends_the_way_and_the_sender_is_told_which_gate_it_was()
    {
        var second = new NamedGate("second", Step.Ingress, _ => DuplexityError.Of(Errors.GateRefused, "No."));
        var third = new NamedGate("third", Step.Ingress, _ => null);
        var rig = new PipeRig(new NamedGate("first", Step.Ingress, _ => null), second, third);
        var listener = await rig.ListenAsync("room:lobby", "ben");

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:lobby"));

        answer.Error!.Gate.Should().Be("second");
        third.Asked.Should().Be(0);
        (await rig.Engine.Log.TopAsync(Address.Room("lobby"))).Should().Be(Position.Start);
        listener.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.28")]
    public async Task A_destination_that_is_not_there_does_not_fail_the_one_that_is_and_reads_like_one_that_is_not_allowed()
    {
        var rig = new PipeRig();
        var listener = await rig.ListenAsync("room:lobby", "ben");

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "lockspace:nowhere", "room:lobby", "service:audit", "feed:ben"));

        answer.Error.Should().BeNull();
        answer.Destinations!.Select(d => d.Error?.Code).Should().Equal(203, null, 203, 203);
        answer.Destinations!.Where(d => d.Error is not null).Select(d => d.Error!.Sentence.Replace(d.To, "X", StringComparison.Ordinal)).Distinct().Should().ContainSingle();
        (await listener.TextsAsync(1)).Should().Equal("hi");
    }

    [Fact]
    [Trait("Requirement", "1.23")]
    public async Task A_service_channel_is_answered_like_a_name_that_does_not_exist()
    {
        var rig = new PipeRig();

        var service = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "service:x"));
        var nothing = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "socket:x"));

        (service.Error! with { Sentence = "" }).Should().Be(nothing.Error! with { Sentence = "" });
        service.Error!.Sentence.Replace("service:x", "it", StringComparison.Ordinal).Should().Be(nothing.Error!.Sentence.Replace("socket:x", "it", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Requirement", "1.16")]
    [Trait("Requirement", "1.26")]
    [Trait("Requirement", "1.27")]
    public async Task A_message_without_destination_goes_to_the_senders_feed_and_the_rooms_in_which_it_stands()
    {
        var rig = new PipeRig();
        var follower = await rig.ListenAsync("feed:egg", "amy");
        var roommate = await rig.ListenAsync("room:kitchen", "ben");
        var stranger = await rig.ListenAsync("room:hall", "cid");

        var answer = await rig.Machine.EmitAsync(PipeRig.As("egg", "12") with { Rooms = [Address.Room("kitchen")] }, new EmitRequest { Text = "hi" });

        answer.Destinations!.Select(d => d.To).Should().Equal("feed:egg", "room:kitchen");
        answer.Destinations!.Select(d => d.Listeners).Should().Equal(1, 1);
        (await follower.TextsAsync(1)).Should().Equal("hi");
        (await roommate.TextsAsync(1)).Should().Equal("hi");
        stranger.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.16")]
    public async Task A_message_that_nobody_hears_says_so_in_its_receipt()
    {
        var rig = new PipeRig();

        var answer = await rig.Machine.EmitAsync(PipeRig.As("egg", "12"), new EmitRequest { Text = "hi" });

        answer.Destinations!.Should().ContainSingle().Which.Listeners.Should().Be(0);
    }

    [Fact]
    public async Task A_message_without_a_body_or_with_two_is_refused_before_anything_is_stored()
    {
        var rig = new PipeRig();

        var none = await rig.Machine.SendAsync(PipeRig.As("amy"), new SendRequest { To = ["room:lobby"] });
        var two = await rig.Machine.SendAsync(PipeRig.As("amy"), new SendRequest { To = ["room:lobby"], Text = "a", Bytes = [1] });

        none.Error!.Code.Should().Be(102);
        two.Error!.Code.Should().Be(102);
        (await rig.Engine.Log.TopAsync(Address.Room("lobby"))).Should().Be(Position.Start);
    }

    [Fact]
    public async Task An_empty_list_of_destinations_is_refused_for_it_may_have_been_computed_by_mistake()
    {
        var answer = await new PipeRig().Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi"));

        answer.Error!.Code.Should().Be(102);
        answer.Error.Sentence.Should().Contain("Emit");
    }

    [Fact]
    public async Task What_is_too_large_is_refused_with_the_limits_name_and_its_use()
    {
        var rig = new PipeRig();

        var body = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text(new string('ä', 40_000), "room:lobby"));
        var headers = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:lobby") with { Headers = new() { ["a"] = new string('x', 5000) } });

        (body.Error!.Name, body.Error.Limit, body.Error.Used, body.Error.Gate).Should().Be(("message_too_large", "message_bytes", 80_000, "size"));
        (headers.Error!.Limit, headers.Error.Used).Should().Be(("header_bytes", 5001));
    }

    [Fact]
    public async Task An_identity_that_has_expired_sends_nothing()
    {
        var rig = new PipeRig();
        var sender = PipeRig.As("amy") with { ExpiresAt = rig.Time.GetUtcNow().AddMinutes(1) };
        rig.Time.Advance(TimeSpan.FromMinutes(1));

        (await rig.Machine.SendAsync(sender, PipeRig.Text("hi", "room:lobby"))).Error!.Name.Should().Be("token_expired");
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task The_same_session_and_sequence_store_once_and_give_the_first_receipt()
    {
        var rig = new PipeRig();
        var request = PipeRig.Text("hi", "room:a", "room:b") with { Session = "s", Sequence = 1 };

        var first = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        var second = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        var other = await rig.Machine.SendAsync(PipeRig.As("ben"), request);
        var mismatch = await rig.Machine.SendAsync(PipeRig.As("amy"), request with { Text = "something else" });

        second.MessageId.Should().Be(first.MessageId);
        second.Destinations!.Select(d => d.Position).Should().Equal(first.Destinations!.Select(d => d.Position));
        other.MessageId.Should().NotBe(first.MessageId);
        mismatch.Error!.Name.Should().Be("idempotency_mismatch");
        (await rig.Engine.Log.TopAsync(Address.Room("a"))).Offset.Should().Be(2);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_repeat_names_the_places_of_the_first_time_whoever_can_be_reached_now()
    {
        var rig = new PipeRig();
        rig.Reach.Sockets.Add("2001");
        var request = PipeRig.Text("hi", "socket:2001", "room:a") with { Session = "s", Sequence = 1 };
        await rig.Machine.SendAsync(PipeRig.As("cid"), PipeRig.Text("earlier", "room:a"));
        var first = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        rig.Reach.Sockets.Clear();
        var late = request with { To = ["socket:2002", "room:a"], Sequence = 2 };
        var without = await rig.Machine.SendAsync(PipeRig.As("amy"), late);
        rig.Reach.Sockets.Add("2002");

        var second = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        var lateAgain = await rig.Machine.SendAsync(PipeRig.As("amy"), late);

        second.Destinations!.Select(d => (d.To, d.Position, d.Error)).Should().Equal(first.Destinations!.Select(d => (d.To, d.Position, d.Error)));
        lateAgain.Destinations!.Select(d => (d.To, d.Position, d.Error?.Code)).Should().Equal(without.Destinations!.Select(d => (d.To, d.Position, d.Error?.Code)));
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_repeat_to_a_receiver_who_has_gone_is_still_told_that_it_was_stored()
    {
        var rig = new PipeRig();
        rig.Reach.Sockets.Add("2001");
        var request = PipeRig.Text("hi", "socket:2001") with { Session = "s", Sequence = 1 };
        var first = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        rig.Reach.Sockets.Clear();

        var second = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        var another = await rig.Machine.SendAsync(PipeRig.As("amy"), request with { Sequence = 2 });

        second.Error.Should().BeNull();
        (second.MessageId, second.Destinations![0].Position).Should().Be((first.MessageId, first.Destinations![0].Position));
        another.Error!.Name.Should().Be("unknown_destination");
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task What_is_emitted_again_from_other_rooms_gets_the_first_receipt()
    {
        var rig = new PipeRig();
        var request = new EmitRequest { Text = "hi", Session = "s", Sequence = 1 };
        var first = await rig.Machine.EmitAsync(PipeRig.As("egg", "12"), request);

        var second = await rig.Machine.EmitAsync(PipeRig.As("egg", "13") with { Rooms = [Address.Room("kitchen")] }, request);

        second.Error.Should().BeNull();
        second.MessageId.Should().Be(first.MessageId);
        second.Destinations!.Where(d => d.Position is not null).Select(d => d.To).Should().Equal("feed:egg");
        (await rig.Engine.Log.TopAsync(Address.Room("kitchen"))).Should().Be(Position.Start);
    }

    [Theory]
    [InlineData("delivered")]
    [InlineData("fsynced")]
    [InlineData("quickly")]
    public async Task A_level_that_this_node_cannot_reach_is_refused_before_anything_is_stored(string level)
    {
        var rig = new PipeRig();

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:lobby") with { Level = level });

        answer.Error!.Code.Should().Be(102);
        (await rig.Engine.Log.TopAsync(Address.Room("lobby"))).Should().Be(Position.Start);
    }

    [Fact]
    [Trait("Requirement", "1.18")]
    public async Task A_socket_reaches_clients_rooms_and_sockets_and_one_message_bridges_several_kinds()
    {
        var rig = new PipeRig();
        rig.Reach.Sockets.Add("2001");
        var inbox = await rig.ListenAsync("client:ben", "ben");
        var room = await rig.ListenAsync("room:r", "ben");
        var socket = await rig.ListenAsync("socket:2001", "ben");

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy", "1001"), PipeRig.Text("hi", "client:ben", "room:r", "socket:2001"));

        answer.Destinations!.Should().OnlyContain(d => d.Error == null && d.Position != null);
        (await inbox.TextsAsync(1)).Should().Equal("hi");
        (await room.TextsAsync(1)).Should().Equal("hi");
        (await socket.TextsAsync(1)).Should().Equal("hi");
    }
}
