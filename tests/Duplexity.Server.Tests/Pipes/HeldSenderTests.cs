using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Who is held by a lockspace, behind gates of the application that take their time, or ask.</summary>
public sealed class HeldSenderTests
{
    private static readonly HeldPair Amy = new("amy", "socket");

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task What_waits_for_a_gate_as_its_sender_is_held_does_not_get_out()
    {
        var (holdings, passes) = (new Holdings(), new TaskCompletionSource<GateResult>());
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:lobby", c => c.Client == "amy" ? new(passes.Task) : new(GateResult.Pass))], new HoldGate(holdings));
        var (amy, ben, lobby) = (new FakeEnd("amy"), new FakeEnd("ben"), await rig.ListenAsync("room:lobby", "cleo"));

        var sent = rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("help", "room:lobby"));
        holdings.Push(Amy, "exam");
        passes.SetResult(GateResult.Pass);

        (await sent.AsTask().Soon()).Error.Should().BeEquivalentTo(new { Code = 210, Gate = "hold" });
        (await rig.Machine.SendAsync(ben.Sender(), PipeRig.Text("free", "room:lobby"))).Error.Should().BeNull("its neighbour on the socket is not held (G10)");
        (await lobby.TextsAsync(1)).Should().Equal("free");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task What_waits_for_an_answer_as_its_sender_is_held_does_not_get_out_and_a_repeat_of_what_was_stored_before_has_its_receipt()
    {
        var holdings = new Holdings();
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:vault", c => new(c.Answer is not null ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")))], new HoldGate(holdings));
        var (amy, vault) = (new FakeEnd("amy"), await rig.ListenAsync("room:vault", "cleo"));
        var before = PipeRig.Text("before", "room:lobby") with { Session = "s", Sequence = 1 };
        var stored = await rig.Machine.SendAsync(amy.Sender(), before);
        (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("help", "room:vault"))).Level.Should().Be("held");
        var asked = await amy.ChallengeAsync();

        holdings.Push(Amy, "exam");
        rig.Answers.Find(amy.Line, "amy", asked.Id, out var challenge).Should().BeNull();
        await rig.Answers.GiveAsync(amy.Line, challenge, "sesame").Soon();

        (await amy.ChangeAsync()).Error.Should().BeEquivalentTo(new { Code = 210, Gate = "hold" });
        vault.HasNothing.Should().BeTrue();
        (await rig.Machine.SendAsync(amy.Sender(), before)).MessageId.Should().Be(stored.MessageId, "what was stored was stored (G4)");
    }
}
