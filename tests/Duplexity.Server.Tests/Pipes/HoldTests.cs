using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Messages that a gate holds until the client has answered.</summary>
public sealed class HoldTests
{
    private static GateRegistration Vault => PipeRig.Gate(
        Step.Entry, "room:vault", c => new(c.Answer?.Value == "sesame" ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?", new Dictionary<string, string> { ["hint"] = "open" })), "vault");

    /// <summary>Asks once, then knows the client: those behind pass without a question.</summary>
    private static GateRegistration Door()
    {
        var isOpen = false;
        return PipeRig.Gate(Step.Entry, "room:vault", c => new((isOpen |= c.Answer?.Value == "sesame") ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")), "door");
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G11")]
    public async Task A_challenge_answered_with_ten_sends_behind_it_stores_each_once_in_order_and_none_before()
    {
        var rig = new PipeRig([Door()]);
        var (amy, ben) = (new FakeEnd("amy"), new FakeEnd("ben"));
        var listener = await rig.ListenAsync("room:vault", "cid");

        var held = new List<SendResponse>();
        for (var i = 0; i < 11; i++)
        {
            held.Add(await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text($"{i}", "room:vault")));
        }

        var elsewhere = await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("x", "room:other"));
        await rig.Machine.SendAsync(ben.Sender(), PipeRig.Text("y", "room:other"));
        var asked = await amy.ChallengeAsync();

        held.Should().OnlyContain(a => a.Error == null && a.Level == "held" && a.MessageId != null);
        elsewhere.Level.Should().Be("accepted", "only what goes the same way waits");
        (asked.Kind, asked.Client, asked.Channel, asked.Sentence, asked.Gate, asked.MessageId).Should().Be(("key", "amy", "room:vault", "Which key?", "door", held[0].MessageId));
        (amy.Asked, listener.HasNothing).Should().Be((0, true));

        (await AnswerAsync(rig, amy, asked.Id, "sesame")).Should().BeNull();

        (await listener.TextsAsync(11)).Should().Equal(Enumerable.Range(0, 11).Select(i => $"{i}"));
        for (var i = 0; i < 11; i++)
        {
            var changed = await amy.ChangeAsync();
            (changed.MessageId, changed.Level, changed.Error).Should().Be((held[i].MessageId!, "accepted", null));
            changed.Destinations!.Single().Position!.Offset.Should().Be(i + 1);
        }

        amy.Line.Held.IsEmpty.Should().BeTrue();
        (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("after", "room:vault"))).Level.Should().Be("accepted");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "1.21")]
    public async Task A_message_that_is_held_and_asked_about_twice_counts_once_against_the_rate()
    {
        var rig = new PipeRig([Vault], new LimitGate());
        var amy = new FakeEnd("amy") { Rules = new(new() { Send = ["*"], Limits = new() { Messages = 2, WindowMs = 60_000 } }) };
        (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "room:vault"))).Level.Should().Be("held");
        var asked = await amy.ChallengeAsync();
        (await AnswerAsync(rig, amy, asked.Id, "please"))!.Name.Should().Be("challenge_failed");
        (await AnswerAsync(rig, amy, asked.Id, "sesame")).Should().BeNull();
        (await amy.ChangeAsync()).Error.Should().BeNull();

        amy.Meter.Use(amy.Rules!).Messages.Should().Be(1);
        (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("2", "room:other"))).Error.Should().BeNull();
        (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("3", "room:other"))).Error!.Name.Should().Be("rate_limited");
        amy.Meter.Sent.Should().Be(2);
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task Three_wrong_answers_refuse_the_message_and_the_next_one_is_asked_about()
    {
        var rig = new PipeRig([Vault]);
        var amy = new FakeEnd("amy");
        var first = await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "room:vault"));
        var second = await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("2", "room:vault"));
        var asked = await amy.ChallengeAsync();

        for (var i = 1; i <= 3; i++)
        {
            var wrong = await AnswerAsync(rig, amy, asked.Id, "please");
            (wrong!.Name, wrong.Used).Should().Be(("challenge_failed", i));
        }

        var changed = await amy.ChangeAsync();
        (changed.MessageId, changed.Error!.Name, changed.Error.Gate).Should().Be((first.MessageId!, "gate_refused", "vault"));
        (await AnswerAsync(rig, amy, asked.Id, "sesame"))!.Name.Should().Be("no_such_challenge");
        var next = await amy.ChallengeAsync();
        next.MessageId.Should().Be(second.MessageId);
        (await AnswerAsync(rig, amy, next.Id, "sesame")).Should().BeNull();
        (await amy.ChangeAsync()).Destinations!.Single().Position!.Offset.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task A_question_that_nobody_answers_ends_in_a_refusal()
    {
        var rig = new PipeRig([Vault]);
        var amy = new FakeEnd("amy");
        var held = await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "room:vault"));
        var asked = await amy.ChallengeAsync();
        asked.ExpiresAt.Should().Be((rig.Time.GetUtcNow() + rig.Settings.Times.Hold).ToUnixTimeMilliseconds());

        rig.Time.Advance(rig.Settings.Times.Hold);

        var changed = await amy.ChangeAsync();
        (changed.MessageId, changed.Error!.Name, changed.Error.Gate).Should().Be((held.MessageId!, "gate_refused", "vault"));
        amy.Line.Held.Challenges.Should().BeEmpty();
        (await rig.Engine.Log.TopAsync(Address.Room("vault"))).Should().Be(Position.Start);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_hundred_messages_are_held_and_the_next_one_is_refused_by_name_of_the_limit()
    {
        var rig = new PipeRig([Vault]);
        var amy = new FakeEnd("amy");
        for (var i = 0; i < 100; i++)
        {
            (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "room:vault"))).Level.Should().Be("held");
        }

        var more = await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "room:vault"));

        (more.Error!.Name, more.Error.Limit, more.Error.Used).Should().Be(("rate_limited", "held_messages", 100));
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task What_one_client_of_a_socket_is_asked_neither_holds_up_nor_is_answered_by_another()
    {
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:vault", c => new(c.Client == "ben" || c.Answer is not null ? GateResult.Pass : GateResult.Hold("riddle", "?")), "vault")]);
        var both = new FakeEnd("amy", "ben");
        await rig.Machine.SendAsync(both.Sender("amy"), PipeRig.Text("1", "room:vault"));
        var asked = await both.ChallengeAsync();

        var bens = await rig.Machine.SendAsync(both.Sender("ben"), PipeRig.Text("2", "room:vault"));

        bens.Level.Should().Be("accepted");
        rig.Answers.Find(both.Line, "ben", asked.Id, out _)!.Name.Should().Be("no_such_challenge");
        (await AnswerAsync(rig, both, asked.Id, "x", "amy")).Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task A_message_whose_sender_falls_off_meanwhile_goes_nowhere()
    {
        var rig = new PipeRig([Vault]);
        var both = new FakeEnd("amy", "ben");
        await rig.Machine.SendAsync(both.Sender("amy"), PipeRig.Text("1", "room:vault"));
        await rig.Machine.SendAsync(both.Sender("ben"), PipeRig.Text("2", "room:vault"));
        await both.ChallengeAsync();
        var bens = await both.ChallengeAsync();

        both.Drop("amy");
        rig.Answers.Release(both.Line, "amy");
        (await both.ChangeAsync()).Error!.Name.Should().Be("identity_not_held");
        (await AnswerAsync(rig, both, bens.Id, "sesame", "ben")).Should().BeNull();
        (await both.ChangeAsync()).Error.Should().BeNull();
        rig.Answers.Release(both.Line, null);

        (await rig.Machine.SendAsync(both.Sender("ben"), PipeRig.Text("3", "room:vault"))).Error!.Name.Should().Be("shutting_down");
        (await rig.Engine.Log.TopAsync(Address.Room("vault"))).Offset.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G4")]
    public async Task A_repeat_of_what_was_stored_is_not_asked_about_again_and_one_of_what_is_held_is_the_same_message()
    {
        var rig = new PipeRig([Vault]);
        var amy = new FakeEnd("amy");
        var request = PipeRig.Text("1", "room:vault") with { Session = "s", Sequence = 1 };
        var held = await rig.Machine.SendAsync(amy.Sender(), request).AsTask().Soon();
        var again = await rig.Machine.SendAsync(amy.Sender(), request).AsTask().Soon();
        await AnswerAsync(rig, amy, (await amy.ChallengeAsync()).Id, "sesame");
        var stored = await amy.ChangeAsync();

        var late = await rig.Machine.SendAsync(amy.Sender(), request).AsTask().Soon();

        (again.MessageId, again.Level).Should().Be((held.MessageId, "held"));
        (late.MessageId, late.Level, late.Destinations![0].Position).Should().Be((held.MessageId, "accepted", stored.Destinations![0].Position));
        amy.Asked.Should().Be(0);
        (await rig.Engine.Log.TopAsync(Address.Room("vault"))).Offset.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G4")]
    public async Task What_was_held_is_stored_though_later_ones_went_elsewhere_before_it_and_a_repeat_of_it_is_known()
    {
        var rig = new PipeRig([Vault]);
        var amy = new FakeEnd("amy");
        var request = PipeRig.Text("1", "room:vault") with { Session = "s", Sequence = 1 };
        var held = await rig.Machine.SendAsync(amy.Sender(), request).AsTask().Soon();
        (await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("2", "room:open") with { Session = "s", Sequence = 2, After = 1 }).AsTask().Soon()).Error.Should().BeNull("it goes another way");

        await AnswerAsync(rig, amy, (await amy.ChallengeAsync()).Id, "sesame");
        var stored = await amy.ChangeAsync();
        var late = await rig.Machine.SendAsync(new FakeEnd("amy").Sender(), request).AsTask().Soon();

        (stored.MessageId, stored.Level, stored.Error).Should().Be((held.MessageId!, "accepted", null));
        (late.MessageId, late.Level, late.Destinations![0].Position).Should().Be((held.MessageId, "accepted", stored.Destinations![0].Position));
        (await rig.Engine.Log.TopAsync(Address.Room("vault"))).Offset.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task A_fresh_sign_in_answers_every_question_for_one_and_an_old_token_none()
    {
        var start = new PipeRig().Time.GetUtcNow();
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:*", c => new(c.IssuedAt > start.AddMinutes(10) ? GateResult.Pass : GateResult.Hold(ChallengeKind.Reauthenticate, "Sign in anew.")), "fresh")]);
        var amy = new FakeEnd("amy");
        amy.SignIn("amy", start);
        rig.Time.Advance(TimeSpan.FromMinutes(20));
        await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "room:a"));
        await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("2", "room:b"));
        await amy.ChallengeAsync();
        await amy.ChallengeAsync();

        rig.Answers.Renewed(amy.Line, "amy", start.AddMinutes(19));
        amy.Line.Held.Messages.Should().HaveCount(2);
        amy.SignIn("amy", rig.Time.GetUtcNow());
        rig.Answers.Renewed(amy.Line, "amy", rig.Time.GetUtcNow());

        (await amy.ChangeAsync()).Level.Should().Be("accepted");
        (await amy.ChangeAsync()).Level.Should().Be("accepted");
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task Who_may_not_send_there_any_more_when_the_answer_comes_is_refused()
    {
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "socket:*", c => new(c.Answer is null ? GateResult.Hold("riddle", "?") : GateResult.Pass))]);
        rig.Reach.Sockets.Add("2001");
        var amy = new FakeEnd("amy");
        await rig.Machine.SendAsync(amy.Sender(), PipeRig.Text("1", "socket:2001"));
        rig.Reach.Sockets.Clear();

        await AnswerAsync(rig, amy, (await amy.ChallengeAsync()).Id, "x");

        (await amy.ChangeAsync()).Error!.Name.Should().Be("unknown_destination");
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task The_application_has_nobody_to_ask_and_is_refused()
    {
        var answer = await new PipeRig([Vault]).Machine.SendAsync(PipeRig.As("service:app") with { IsServer = true }, PipeRig.Text("1", "room:vault"));

        (answer.Error!.Name, answer.Error.Gate).Should().Be(("gate_refused", "vault"));
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task A_listener_is_asked_too_and_passes_with_its_next_try()
    {
        var rig = new PipeRig([Vault]);
        var amy = new FakeEnd("amy");

        var first = await rig.Listeners.CheckAsync(amy.Sender(), Address.Room("vault"), Operation.Join);
        var again = await rig.Listeners.CheckAsync(amy.Sender(), Address.Room("vault"), Operation.Join);
        var asked = await amy.ChallengeAsync();
        var wrong = await AnswerAsync(rig, amy, asked.Id, "please");
        var right = await AnswerAsync(rig, amy, asked.Id, "sesame");

        (first!.Name, first.Gate, again!.Name, amy.Asked).Should().Be(("challenged", "vault", "challenged", 0));
        (wrong!.Name, right).Should().Be(("challenge_failed", null));
        (await rig.Listeners.CheckAsync(amy.Sender(), Address.Room("vault"), Operation.Join)).Should().BeNull();
        (await rig.Listeners.CheckAsync(amy.Sender(), Address.Room("vault"), Operation.Receive))!.Name.Should().Be("challenged", "that is another question");
        rig.Time.Advance(rig.Settings.Times.Hold);
        (await rig.Listeners.CheckAsync(amy.Sender(), Address.Room("vault"), Operation.Join))!.Name.Should().Be("challenged", "an answer does not last for ever");
    }

    private static async Task<DuplexityError?> AnswerAsync(PipeRig rig, FakeEnd end, string id, string value, string client = "amy") =>
        rig.Answers.Find(end.Line, client, id, out var challenge) ?? await rig.Answers.GiveAsync(end.Line, challenge, value).Soon();
}
