using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Sends under a lock, in a machine whose gates know nothing of locks: what the append refuses by itself.</summary>
public sealed class FenceTests
{
    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task The_append_itself_refuses_a_token_below_one_that_a_destination_has_taken_and_then_stores_nothing_anywhere()
    {
        var rig = new PipeRig();
        var reader = await rig.ListenAsync("room:board", "cleo");
        var other = await rig.ListenAsync("room:other", "cleo");

        (await SendAsync("first", 5, "room:board")).Error.Should().BeNull();
        (await SendAsync("stale", 4, "room:other", "room:board")).Error.Should().BeEquivalentTo(new { Code = 209, Name = "stale_token", Kind = "denied" });
        (await SendAsync("same", 5, "room:board")).Error.Should().BeNull("one holder sends more than once");
        (await SendAsync("later", 6, "room:board")).Error.Should().BeNull();
        (await SendAsync("elsewhere", 4, "room:other")).Error.Should().BeNull("each channel remembers what it has taken itself");

        (await reader.TextsAsync(3)).Should().Equal("first", "same", "later");
        (await other.TextsAsync(1)).Should().Equal("elsewhere");
        (reader.HasNothing, other.HasNothing).Should().Be((true, true));

        async Task<SendResponse> SendAsync(string text, long token, params string[] to) =>
            await rig.Machine.SendAsync(PipeRig.As("amy", "s1"), PipeRig.Text(text, to) with { Under = new() { Lock = "board/card", Token = token } });
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G17")]
    public async Task A_send_that_was_stored_is_answered_with_its_receipt_also_when_its_token_is_stale_by_then()
    {
        var rig = new PipeRig();
        var request = PipeRig.Text("once", "room:board") with { Session = "s", Sequence = 1, Under = new() { Lock = "board/card", Token = 5 } };
        var first = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        await rig.Machine.SendAsync(PipeRig.As("ben"), PipeRig.Text("later", "room:board") with { Under = new() { Lock = "board/card", Token = 6 } });

        var again = await rig.Machine.SendAsync(PipeRig.As("amy"), request);

        again.Error.Should().BeNull();
        again.MessageId.Should().Be(first.MessageId);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task The_token_stays_with_a_message_that_a_gate_changes_and_one_that_a_gate_holds()
    {
        var isAsking = false;
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:board", c => new(isAsking && c.Answer is null ? GateResult.Hold(ChallengeKind.Key, "Which key?") : GateResult.Change(c.Message! with { Text = "changed" })))]);
        var (amy, ben) = (new FakeEnd("amy"), new FakeEnd("ben"));

        (await SendAsync(amy, 5)).Error.Should().BeNull();
        (await SendAsync(ben, 4)).Error!.Code.Should().Be(209, "the gate's message remembers the token");
        isAsking = true;
        (await SendAsync(amy, 5)).Level.Should().Be("held");
        isAsking = false;
        (await SendAsync(ben, 6)).Error.Should().BeNull("who is held holds up nobody else");
        rig.Answers.Find(amy.Line, "amy", (await amy.ChallengeAsync()).Id, out var challenge).Should().BeNull();
        await rig.Answers.GiveAsync(amy.Line, challenge, "sesame").Soon();

        (await amy.ChangeAsync()).Error!.Code.Should().Be(209, "by now the lock was another's");
        (await rig.Engine.Log.TopAsync(Address.Room("board"))).Offset.Should().Be(2);

        async Task<SendResponse> SendAsync(FakeEnd end, long token) =>
            await rig.Machine.SendAsync(end.Sender(), PipeRig.Text("as sent", "room:board") with { Under = new() { Lock = "board/card", Token = token } });
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task A_lock_that_is_lost_while_a_gate_takes_its_time_stores_nothing_though_no_later_token_has_come_by()
    {
        var passes = new TaskCompletionSource<GateResult>();
        using var locks = new EmbeddedEngine(TimeProvider.System, Options.Create(new DuplexityOptions()), NullLogger<EmbeddedEngine>.Instance);
        await locks.Locks.StartAsync(new RecordingLockHandler());
        var (name, holder) = (new LockName("board", "card"), new LockHolder("amy", "socket"));
        var granted = await locks.Locks.AcquireAsync(new LockRequest(name, holder, "t", TimeSpan.FromMinutes(1), TimeSpan.Zero));
        var token = granted.Held!.Token;
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:board", _ => new(passes.Task))], new FenceGate(locks));

        var sent = rig.Machine.SendAsync(new FakeEnd("amy").Sender(), PipeRig.Text("late", "room:board") with { Under = new() { Lock = "board/card", Token = token } });
        await locks.Locks.ReleaseAsync(name, holder, token);
        passes.SetResult(GateResult.Pass);

        (await sent.AsTask().Soon()).Error.Should().BeEquivalentTo(new { Code = 209, Gate = "fence" });
        (await rig.Engine.Log.TopAsync(Address.Room("board"))).Should().Be(Position.Start);
    }
}
