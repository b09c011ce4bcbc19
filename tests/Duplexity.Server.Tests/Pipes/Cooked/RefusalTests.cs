using System.Collections.Concurrent;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;
using ServerMessagePipes = Duplexity.Server.Pipes.Cooked.MessagePipes;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>What becomes of a message that some of a pipe's destinations take and others do not.</summary>
public sealed class RefusalTests
{
    private static readonly GateRegistration Doorkeeper = PipeRig.Gate(Step.Entry, "room:b", c => new(c.Message!.Text == "no" ? GateResult.Refuse("No.") : GateResult.Pass));

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_destination_that_refuses_for_good_is_a_dead_letter_for_itself_and_holds_up_nothing()
    {
        await using var rig = new CookedRig([Doorkeeper], null);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
        await rig.SendAsync("no", "room:a");
        await rig.SendAsync("yes", "room:a");
        await rig.SettledAsync(pipes, "amy");

        (await rig.TextsAsync("room:b")).Should().Equal("yes");
        (await rig.TextsAsync("room:c")).Should().Equal("no", "yes");
        (await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadLetter)).Should().BeEquivalentTo(new { Owner = "amy", Target = "room:a → pipe:amy/p", Note = "room:b", Error = new { Name = "gate_refused" } });
        rig.Service.Heard.Count(a => a.Action == AnnouncedAction.DeadLetter).Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G20")]
    public async Task A_destination_whose_gate_asks_something_that_a_pipe_cannot_answer_refuses_for_itself()
    {
        await using var rig = new CookedRig([PipeRig.Gate(Step.Entry, "room:b", _ => new(GateResult.Hold("riddle", "Which key?")))], null);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
        await rig.SendAsync("hi", "room:a");
        await rig.SettledAsync(pipes, "amy");

        (await rig.TextsAsync("room:b")).Should().BeEmpty();
        (await rig.TextsAsync("room:c")).Should().Equal("hi");
        (await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadLetter)).Should().BeEquivalentTo(new { Note = "room:b", Error = new { Code = 206 } });
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    [Trait("Guarantee", "G20")]
    public async Task A_destination_whose_gate_is_away_is_tried_again_ever_more_slowly_in_order_and_the_others_hear_nothing_twice()
    {
        var tries = new ConcurrentQueue<(string Text, DateTimeOffset At)>();
        CookedRig? around = null;
        var gate = PipeRig.Gate(Step.Entry, "room:b", c =>
        {
            tries.Enqueue((c.Message!.Text!, around!.Rig.Time.GetUtcNow()));
            return tries.Count <= 3 ? throw new InvalidOperationException("The gate is away.") : new(GateResult.Pass);
        });
        await using var rig = around = new CookedRig([gate], null);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
        var others = await rig.Rig.ListenAsync("room:c", "x");
        await rig.SendAsync("1", "room:a");
        await rig.SendAsync("2", "room:a");

        (await others.TextsAsync(1)).Should().Equal(["1"], "the others need not wait");
        await LetTimePassAsync(rig, pipes);

        (await rig.TextsAsync("room:b")).Should().Equal("1", "2");
        (await rig.TextsAsync("room:c")).Should().Equal("1", "2");
        tries.Select(t => t.Text).Should().Equal("1", "1", "1", "1", "2");
        DateTimeOffset[] at = [.. tries.Select(t => t.At)];
        (at[1] - at[0]).Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(1));
        (at[2] - at[1]).Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(2));
        (at[3] - at[2]).Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(4));
        rig.Service.Heard.Should().NotContain(a => a.Action == AnnouncedAction.DeadLetter);
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    [Trait("Guarantee", "G24")]
    public async Task A_destination_whose_gate_stays_away_is_a_dead_letter_after_so_many_tries_and_the_pipe_goes_on()
    {
        var tries = 0;
        var gate = PipeRig.Gate(Step.Entry, "room:b", c => c.Message!.Text == "1" ? throw new InvalidOperationException($"Away for the {++tries}th time.") : new(GateResult.Pass));
        await using var rig = new CookedRig([gate], null, o => o.MessagePipes.Attempts = 3);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
        await rig.SendAsync("1", "room:a");
        await rig.SendAsync("2", "room:a");
        await LetTimePassAsync(rig, pipes);

        tries.Should().Be(3);
        (await rig.TextsAsync("room:b")).Should().Equal("2");
        (await rig.TextsAsync("room:c")).Should().Equal("1", "2");
        (await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadLetter)).Should().BeEquivalentTo(new { Note = "room:b", Error = new { Name = "unavailable" } });
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    [Trait("Guarantee", "G24")]
    public async Task A_destination_whose_rate_is_used_up_is_waited_for_as_long_as_it_says_and_never_given_up()
    {
        var tries = new ConcurrentQueue<DateTimeOffset>();
        CookedRig? around = null;
        await using var rig = around = new CookedRig(o => o.MessagePipes.Attempts = 2, _ =>
        [
            new RatedRoom(() =>
            {
                tries.Enqueue(around!.Rig.Time.GetUtcNow());
                return tries.Count <= 4;
            }),
        ]);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
        var others = await rig.Rig.ListenAsync("room:c", "x");
        await rig.SendAsync("1", "room:a");
        await rig.SendAsync("2", "room:a");

        (await others.TextsAsync(1)).Should().Equal(["1"], "the others need not wait for this one");
        await LetTimePassAsync(rig, pipes);

        (await rig.TextsAsync("room:b")).Should().Equal("1", "2");
        (await rig.TextsAsync("room:c")).Should().Equal("1", "2");
        DateTimeOffset[] at = [.. tries];
        at.Should().HaveCount(6);
        at.Take(5).Zip(at.Skip(1)).Take(4).Should().AllSatisfy(t => (t.Second - t.First).Should().BeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(RatedRoom.WaitMs)));
        rig.Service.Heard.Should().NotContain(a => a.Action == AnnouncedAction.DeadLetter);
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_crash_while_one_destination_is_still_to_be_tried_loses_it_not_and_gives_the_others_nothing_twice()
    {
        var isAway = true;
        var chosen = new ConcurrentDictionary<string, bool>();
        var gate = PipeRig.Gate(Step.Entry, "room:b", _ => isAway ? throw new InvalidOperationException("The gate is away.") : new(GateResult.Pass));
        // Whoever is asked a second time answers otherwise.
        await using var rig = new CookedRig([gate], null, null, CookedRig.Knuckle(c => chosen.TryAdd(c.Message.Text!, true) || c.Message.Text == "2" ? [.. c.Edges.Take(2)] : [.. c.Edges.Skip(2)]));
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c", "room:d"));
        var others = await rig.Rig.ListenAsync("room:c", "x");
        await rig.SendAsync("1", "room:a");
        (await others.TextsAsync(1)).Should().Equal("1");

        // The first one stands still with the clock for ever, as dead as any.
        pipes = await rig.StartAsync();
        isAway = false;
        await rig.SendAsync("2", "room:a");
        await LetTimePassAsync(rig, pipes);

        (await rig.TextsAsync("room:b")).Should().Equal("1", "2");
        (await rig.TextsAsync("room:c")).Should().Equal("1", "2");
        (await rig.TextsAsync("room:d")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_pipe_that_was_changed_twice_before_a_crash_does_again_at_each_place_what_held_there()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        await rig.SendAsync("1", "room:a");
        await rig.SettledAsync(pipes, "amy");
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:c") with { Filter = new() { Type = "never" } });
        await rig.SendAsync("2", "room:a");
        await rig.SettledAsync(pipes, "amy");
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:c"));
        await rig.SendAsync("3", "room:a");
        await rig.SettledAsync(pipes, "amy");

        // What starts now finds no later word of its place than the changes left.
        await rig.SettledAsync(await rig.StartAsync(), "amy");

        (await rig.TextsAsync("room:b")).Should().Equal("1");
        (await rig.TextsAsync("room:c")).Should().Equal("3");
    }

    private static async Task LetTimePassAsync(CookedRig rig, ServerMessagePipes pipes)
    {
        var settled = rig.SettledAsync(pipes, "amy");
        while (!settled.IsCompleted)
        {
            rig.Rig.Time.Advance(TimeSpan.FromSeconds(0.5));
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(2));
        }

        await settled;
    }

    /// <summary>Room b takes only so much in a time.</summary>
    private sealed class RatedRoom(Func<bool> isUsedUp) : IBuiltInGate
    {
        public const int WaitMs = 3_000;

        public string Name => "rated";

        public Step Step => Step.Entry;

        public DuplexityError? Check(in Passage passage) => passage.Target == Address.Room("b") && isUsedUp() ? DuplexityError.Of(Errors.RateLimited, "Too much.") with { RetryAfterMs = WaitMs } : null;
    }
}
