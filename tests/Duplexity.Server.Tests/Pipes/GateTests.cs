using System.Security.Claims;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Gates of applications: pass, refuse, change, redirect, and what they cost those who wait.</summary>
public sealed class GateTests
{
    private static readonly ValueTask<GateResult> Passes = new(GateResult.Pass);

    [Fact]
    [Trait("Requirement", "1.20")]
    [Trait("Requirement", "1.30")]
    public async Task Gates_are_asked_in_the_order_in_which_they_were_added_and_the_first_refusal_ends_the_way()
    {
        var asked = new List<string>();
        var rig = new PipeRig([Note("in", Step.Ingress, "client:*"), Note("one", Step.Entry, "room:*"), Note("no", Step.Entry, "room:lobby", "Members only."), Note("never", Step.Entry, "*")]);

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:lobby"));

        asked.Should().Equal("in", "one", "no");
        (answer.Error!.Name, answer.Error.Gate, answer.Error.Sentence).Should().Be(("gate_refused", "no", "Members only."));
        (await rig.Engine.Log.TopAsync(Address.Room("lobby"))).Should().Be(Position.Start);

        GateRegistration Note(string name, Step step, string pattern, string? refusal = null) => PipeRig.Gate(step, pattern, _ =>
        {
            asked.Add(name);
            return new(refusal is null ? GateResult.Pass : GateResult.Refuse(refusal));
        }, name);
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task A_destination_that_a_gate_refuses_does_not_fail_the_others_and_the_gate_sees_who_sends_what_where()
    {
        GateContext? seen = null;
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:board-*", c =>
        {
            seen = c;
            return new(c.Principal.HasClaim("board", c.Target.Name) ? GateResult.Pass : GateResult.Refuse("not a member"));
        })]);
        var amy = PipeRig.As("amy", "1001") with { Principal = new ClaimsPrincipal(new ClaimsIdentity([new("board", "board-7")])) };

        var answer = await rig.Machine.SendAsync(amy, PipeRig.Text("hi", "room:board-7", "room:board-8", "room:lobby") with { Type = "move", Headers = new() { ["a"] = "b" } });

        answer.Error.Should().BeNull();
        answer.Destinations!.Select(d => d.Error?.Sentence).Should().Equal(null, "not a member", null);
        (seen!.Client, seen.SocketId, seen.Operation, seen.Step, seen.IsTrial, seen.IsServer).Should().Be(("amy", "1001", "send", Step.Entry, false, false));
        (seen.Message!.Text, seen.Message.Type, seen.Message.Headers!["a"], seen.Message.From.Client).Should().Be(("hi", "move", "b", "amy"));
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    [Trait("Guarantee", "G4")]
    public async Task What_a_gate_changes_is_what_is_stored_and_the_key_is_still_that_of_what_was_sent()
    {
        var round = 0;
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:lobby", c => new(GateResult.Change(c.Message! with { Text = $"{c.Message.Text} ({++round})", Type = "stamped" })))]);
        var listener = await rig.ListenAsync("room:lobby", "ben");
        var request = PipeRig.Text("hi", "room:lobby") with { Session = "s", Sequence = 1 };

        var first = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        var again = await rig.Machine.SendAsync(PipeRig.As("amy"), request);

        var entry = await listener.NextAsync();
        (entry.Message.Text, entry.Message.Type).Should().Be(("hi (1)", "stamped"));
        again.Error.Should().BeNull("what was sent is the same, whatever the gate makes of it");
        again.MessageId.Should().Be(first.MessageId);
        (await rig.Engine.Log.TopAsync(Address.Room("lobby"))).Offset.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task What_a_gate_makes_too_large_or_bodiless_is_not_sent()
    {
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:large", c => new(GateResult.Change(c.Message! with { Text = new string('x', 70_000) }))), PipeRig.Gate(Step.Entry, "room:none", c => new(GateResult.Change(c.Message! with { Text = null })))]);

        (await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:large"))).Error!.Name.Should().Be("unavailable");
        (await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:none"))).Error!.Name.Should().Be("unavailable");
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task A_redirected_message_goes_elsewhere_through_the_gates_there_and_its_sender_is_not_told_where()
    {
        var rig = new PipeRig([
            PipeRig.Gate(Step.Entry, "room:front", _ => new(GateResult.Redirect(Address.Room("queue"), Address.Room("closed"))), "desk"),
            PipeRig.Gate(Step.Entry, "room:closed", _ => new(GateResult.Refuse("closed")))]);
        var queue = await rig.ListenAsync("room:queue", "ben");

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:front"));

        answer.Error.Should().BeNull();
        answer.Destinations!.Should().ContainSingle().Which.Should().BeEquivalentTo(new DestinationResult { To = "room:front" });
        (await queue.TextsAsync(1)).Should().Equal("hi");
        (await rig.Engine.Log.TopAsync(Address.Room("front"))).Should().Be(Position.Start);
        (await rig.Engine.Log.TopAsync(Address.Room("closed"))).Should().Be(Position.Start);
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task A_gate_that_names_its_own_destination_too_sends_a_copy_and_one_at_the_ingress_redirects_the_whole_message()
    {
        var rig = new PipeRig([
            PipeRig.Gate(Step.Entry, "room:lobby", _ => new(GateResult.Redirect(Address.Room("lobby"), Address.Room("audit")))),
            PipeRig.Gate(Step.Ingress, "client:guest", _ => new(GateResult.Redirect(Address.Room("guests"))))]);

        var copied = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:lobby"));
        var guest = await rig.Machine.SendAsync(PipeRig.As("guest"), PipeRig.Text("hi", "room:a", "room:b"));

        copied.Destinations!.Single().Position!.Offset.Should().Be(1);
        guest.Error.Should().BeNull();
        guest.Destinations!.Select(d => (d.To, d.Position, d.Error)).Should().Equal(("room:a", null, null), ("room:b", null, null));
        foreach (var (room, count) in new[] { ("lobby", 1), ("audit", 1), ("guests", 1), ("a", 0), ("b", 0) })
        {
            (await rig.Engine.Log.TopAsync(Address.Room(room))).Offset.Should().Be(count, room);
        }
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    [Trait("Requirement", "1.23")]
    public async Task Redirects_that_run_in_a_circle_or_for_ever_end_and_name_the_first_gate_alone()
    {
        var rig = new PipeRig([
            PipeRig.Gate(Step.Entry, "room:a", _ => new(GateResult.Redirect(Address.Room("b"))), "first"),
            PipeRig.Gate(Step.Entry, "room:b", _ => new(GateResult.Redirect(Address.Room("a"))), "second"),
            PipeRig.Gate(Step.Entry, "room:n*", c => new(GateResult.Redirect(Address.Room(c.Target.Name + "n"))), "onward")]);

        var circle = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:a"));
        var onward = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:n"));

        (circle.Error!.Name, circle.Error.Gate).Should().Be(("gate_refused", "first"));
        (onward.Error!.Name, onward.Error.Gate).Should().Be(("gate_refused", "onward"));
        circle.Error.Sentence.Should().NotContain("room:b");
    }

    [Fact]
    [Trait("Requirement", "1.23")]
    public async Task A_gate_that_throws_or_is_late_refuses_and_what_it_threw_is_in_the_log_alone()
    {
        var never = new TaskCompletionSource<GateResult>();
        CancellationToken late = default;
        var rig = new PipeRig([
            PipeRig.Gate(Step.Entry, "room:throws", _ => throw new InvalidOperationException("the password is swordfish"), "broken"),
            PipeRig.Gate(Step.Entry, "room:faults", async _ => throw new InvalidOperationException(await Task.FromResult("swordfish")), "faulty"),
            GateRegistration.Of("slow", Step.Entry, "room:slow", _ => new TokenGate(ct =>
            {
                late = ct;
                return new(never.Task);
            }))]);

        var thrown = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:throws"));
        var faulted = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:faults"));
        var slow = rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:slow")).AsTask();
        slow.IsCompleted.Should().BeFalse();
        rig.Time.Advance(rig.Settings.Times.Gate);

        foreach (var (answer, gate) in new[] { (thrown, "broken"), (faulted, "faulty"), (await slow.Soon(), "slow") })
        {
            (answer.Error!.Name, answer.Error.Gate).Should().Be(("unavailable", gate));
            answer.Error.Sentence.Should().NotContain("swordfish");
        }

        late.IsCancellationRequested.Should().BeTrue();
        rig.Logs.Lines.Count(l => l.Event.Name == "GateFailed").Should().Be(3);
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task A_gate_that_waits_keeps_its_senders_order_and_delays_nobody_else()
    {
        var gates = new Queue<TaskCompletionSource<GateResult>>();
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:gated", _ =>
        {
            gates.Enqueue(new(TaskCreationOptions.RunContinuationsAsynchronously));
            return new(gates.Last().Task);
        })]);
        var end = new FakeEnd("amy");

        var first = rig.Machine.SendAsync(end.Sender(), PipeRig.Text("1", "room:gated", "room:r")).AsTask();
        var second = rig.Machine.SendAsync(end.Sender(), PipeRig.Text("2", "room:gated", "room:r")).AsTask();
        var third = rig.Machine.SendAsync(end.Sender(), PipeRig.Text("3", "room:r")).AsTask();
        var other = await rig.Machine.SendAsync(new FakeEnd("ben").Sender(), PipeRig.Text("0", "room:r"));
        gates.Should().HaveCount(2, "those behind are asked about meanwhile");
        gates.Last().SetResult(GateResult.Pass);
        third.IsCompleted.Should().BeFalse();
        gates.First().SetResult(GateResult.Pass);

        var answers = await Task.WhenAll(first, second, third).Soon();
        other.Destinations![0].Position!.Offset.Should().Be(1);
        answers.Select(a => a.Destinations![^1].Position!.Offset).Should().Equal(2, 3, 4);
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public void A_gate_that_answers_at_once_costs_no_await_before_the_append()
    {
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "*", _ => Passes), PipeRig.Gate(Step.Ingress, "*", _ => Passes)]);

        rig.Machine.SendAsync(new FakeEnd("amy").Sender(), PipeRig.Text("hi", "room:r")).IsCompletedSuccessfully.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    public async Task At_the_egress_a_gate_lets_or_withholds_and_one_that_does_not_answer_at_once_withholds()
    {
        var rig = new PipeRig([
            PipeRig.Gate(Step.Egress, "room:plain", c => new(c.Client == "ben" && c.Message!.From.Client == "amy" ? GateResult.Pass : GateResult.Refuse("no")), "only-ben"),
            PipeRig.Gate(Step.Egress, "room:slow", async _ => { await new TaskCompletionSource().Task; return GateResult.Pass; }, "slow"),
            PipeRig.Gate(Step.Egress, "room:held", _ => new(GateResult.Hold("key", "?")), "held")]);
        foreach (var room in new[] { "plain", "slow", "held", "other" })
        {
            await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", $"room:{room}"));
        }

        rig.Egress.IsEmpty.Should().BeFalse();
        (await Lets("plain", "ben"), await Lets("plain", "cid"), await Lets("slow", "ben"), await Lets("held", "ben"), await Lets("other", "cid")).Should().Be((true, false, false, false, true));
        rig.Logs.Lines.Count(l => l.Event.Name == "GateFailed").Should().Be(2);

        async Task<bool> Lets(string room, string client) => rig.Egress.Lets(PipeRig.As(client), (await rig.Engine.Log.ReadAsync(Address.Room(room), null, 1)).Entries[0]);
    }

    [Fact]
    public async Task Whoever_only_asks_is_told_what_each_gate_would_say_and_the_gates_know_that_nothing_happens()
    {
        var trials = new List<bool>();
        var rig = new PipeRig([
            PipeRig.Gate(Step.Entry, "room:*", c =>
            {
                trials.Add(c.IsTrial);
                return new(GateResult.Hold("key", "Which key?"));
            }, "vault"),
            PipeRig.Gate(Step.Entry, "room:r", async _ => { await Task.Yield(); return GateResult.Refuse("No."); }, "second")]);

        var verdicts = await rig.Machine.ExplainAsync(PipeRig.As("amy"), Address.Room("r"));

        verdicts.Select(v => (v.Step, v.Gate, v.Error?.Name)).Should().Equal(
            ("ingress", "identity", null), ("ingress", "size", null), ("entry", "allowance", null), ("entry", "vault", "challenged"), ("entry", "second", "gate_refused"));
        trials.Should().Equal(true);
    }

    [Theory]
    [InlineData(Step.Service)]
    [InlineData(Step.Cooked)]
    public void No_gate_of_an_application_stands_in_the_nodes_own_steps(Step step) =>
        FluentActions.Invoking(() => PipeRig.Gate(step, "*", _ => Passes)).Should().Throw<ArgumentException>();

    [Fact]
    public void A_gate_is_called_after_its_type() => GateRegistration.NameOf(typeof(MembersOnlyGate)).Should().Be("members-only");

    private sealed class MembersOnlyGate : IGate
    {
        public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct) => Passes;
    }

    private sealed class TokenGate(Func<CancellationToken, ValueTask<GateResult>> check) : IGate
    {
        public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct) => check(ct);
    }
}
