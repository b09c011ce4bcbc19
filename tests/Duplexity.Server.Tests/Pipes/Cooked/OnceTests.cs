using Duplexity.Server.Engine;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>G20: a crash loses nothing and repeats nothing, whatever dies, and whoever runs beside.</summary>
public sealed class OnceTests
{
    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task Runners_that_die_before_or_behind_their_append_two_hundred_times_lose_and_repeat_nothing()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));

        for (var i = 0; i < 200; i++)
        {
            var died = rig.Engine.DieAtNextAppend(isMade: i % 2 == 0);
            await rig.SendAsync($"{i}", "room:a");
            await died.WaitAsync(TimeSpan.FromSeconds(30));
            pipes = await rig.StartAsync();
        }

        await rig.SettledAsync(pipes, "amy");
        var all = Enumerable.Range(0, 200).Select(i => $"{i}");
        (await rig.TextsAsync("room:b")).Should().Equal(all);
        (await rig.TextsAsync("room:c")).Should().Equal(all);
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task Two_runners_at_once_bring_each_source_place_once_and_in_order()
    {
        await using var rig = new CookedRig();
        var one = await rig.StartAsync();
        await CookedRig.SetAsync(one, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        var other = await rig.StartAsync();

        for (var i = 0; i < 300; i++)
        {
            await rig.SendAsync($"{i}", "room:a");
        }

        await rig.SettledAsync(one, "amy");
        await rig.SettledAsync(other, "amy");
        (await rig.TextsAsync("room:b")).Should().Equal(Enumerable.Range(0, 300).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task Where_another_has_written_how_far_a_pipe_has_come_it_goes_on_there_and_writes_no_earlier_place_over_it()
    {
        await using var rig = new CookedRig();
        var one = await rig.StartAsync();
        await CookedRig.SetAsync(one, "amy", CookedRig.Pipe("p", "room:a", "room:b") with { Filter = new() { Type = "none" } });
        await rig.SettledAsync(one, "amy");
        rig.Owners.Out["amy"] = true;
        var edge = one.Runners.Find((await new PipeStore(rig.Engine, rig.Rig.Time).ReadAsync("amy", default)).Pipes.Single())!.Record.Edge;
        for (var i = 0; i < 5; i++)
        {
            await rig.SendAsync($"{i}", "room:a", "ben");
        }

        // Another node is further, and this one writes what it knew.
        var top = await rig.Engine.Log.TopAsync(Address.Room("a"));
        await rig.Engine.Records.PutAsync("message-pipe-place", edge, $"{top} running");
        await one.Runners.StopAsync(default);
        (await rig.Engine.Records.ReadAsync("message-pipe-place", edge)).Should().Be($"{top} running");

        var other = await rig.StartAsync();
        (await other.ListAsync("amy", default)).Single().Place.Should().Be(top);
        rig.Owners.Out.Clear();
        await rig.SendAsync("last", "room:a", "ben");
        await rig.SettledAsync(other, "amy");
        (await rig.LogAsync("room:b")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task A_node_whose_lease_is_over_carries_nothing_until_it_has_another()
    {
        await using var rig = new CookedRig();
        var lease = new ActingLease(rig.Rig.Time, TimeSpan.FromSeconds(10));
        rig.Engine.Lease = lease;
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        await rig.SendAsync("before", "room:a");
        await rig.SettledAsync(pipes, "amy");

        rig.Rig.Time.Advance(TimeSpan.FromSeconds(9));
        await rig.SendAsync("silent", "room:a");
        await Graph.MemoryNode.AgreeAsync(async () => (await pipes.ListAsync("amy", default)).Single().State == "waiting" ? null : "The pipe does not wait.");
        (await rig.TextsAsync("room:b")).Should().Equal("before");

        lease.Renew(rig.Rig.Time.GetTimestamp());
        await Wait.UntilAsync(
            () =>
            {
                rig.Rig.Time.Advance(rig.Rig.Settings.MessagePipes.Pause); // it says that it waits just before it does
                return rig.TextsAsync("room:b");
            },
            texts => texts.Count() > 1);
        await rig.SettledAsync(pipes, "amy");
        (await rig.TextsAsync("room:b")).Should().Equal("before", "silent");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task What_a_knuckle_drew_is_not_drawn_again_by_whoever_comes_after_a_crash_or_runs_beside()
    {
        var lots = new Random(7);
        await using var rig = new CookedRig(null, CookedRig.Knuckle(c =>
        {
            lock (lots)
            {
                return [c.Edges[lots.Next(c.Edges.Count)]];
            }
        }));
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c", "room:d"));
        for (var i = 0; i < 60; i++)
        {
            var died = rig.Engine.DieAtNextAppend(isMade: i % 2 == 0);
            await rig.SendAsync($"{i}", "room:a");
            await died.WaitAsync(TimeSpan.FromSeconds(30));
            pipes = await rig.StartAsync();
        }

        var beside = await rig.StartAsync();
        for (var i = 60; i < 120; i++)
        {
            await rig.SendAsync($"{i}", "room:a");
        }

        await rig.SettledAsync(pipes, "amy");
        await rig.SettledAsync(beside, "amy");
        string?[] taken = [.. await rig.TextsAsync("room:b"), .. await rig.TextsAsync("room:c"), .. await rig.TextsAsync("room:d")];
        taken.Should().BeEquivalentTo(Enumerable.Range(0, 120).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    [Trait("Guarantee", "G20")]
    public async Task A_stopped_pipe_that_retention_has_overtaken_says_once_what_is_gone_and_goes_on_with_what_is_left()
    {
        await using var rig = new CookedRig(o => o.Limits.MessagesPerChannel = 10);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        rig.Owners.Out["amy"] = true;
        for (var i = 0; i < 30; i++)
        {
            await rig.SendAsync($"{i}", "room:a", "ben");
        }

        (await rig.LogAsync("room:b")).Should().BeEmpty("its owner may not act");
        rig.Owners.Out.Clear();
        rig.Rig.Time.Advance(rig.Rig.Settings.MessagePipes.Sweep);
        await rig.SettledAsync(pipes, "amy");

        (await rig.TextsAsync("room:b")).Should().Equal(Enumerable.Range(20, 10).Select(i => $"{i}"));
        var dead = await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadStretch);
        dead.Note.Should().StartWith("0@ 20@");
        rig.Service.Heard.Count(a => a.Action == AnnouncedAction.DeadStretch).Should().Be(1);
    }
}
