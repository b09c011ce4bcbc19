using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task A_fencing_token_below_the_highest_that_a_destination_accepted_is_refused_everywhere()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        (await AppendAsync(log, "first", 5, Lobby)).Should().Be(AppendOutcome.Stored);
        (await AppendAsync(engine.Nodes[^1].Log, "same holder", 5, Lobby)).Should().Be(AppendOutcome.Stored);
        (await AppendAsync(log, "next holder", 7, Lobby)).Should().Be(AppendOutcome.Stored);

        (await AppendAsync(log, "stale", 6, Address.Room("other"), Lobby)).Should().Be(AppendOutcome.StaleFence);
        (await AppendAsync(log, "another lock", 1, Lobby, "space/other")).Should().Be(AppendOutcome.Stored);
        (await AppendAsync(log, "another log", 6, Address.Room("third"))).Should().Be(AppendOutcome.Stored, "each log remembers its own");

        (await TextsAsync(log, Lobby)).Should().Equal("first", "same holder", "next holder", "another lock");
        (await log.TopAsync(Address.Room("other"))).Should().Be(Position.Start, "a refused append is in none of its destinations");
        (await AppendAsync(log, "it left no trace there", 1, Address.Room("other"))).Should().Be(AppendOutcome.Stored);
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task A_highest_token_outlives_all_entries_and_goes_with_what_is_lost()
    {
        await using var engine = await CreateAsync(o => o.Limits.MessagesPerChannel = 2);
        await AppendAsync(engine.Nodes[0].Log, "kept", 5, Lobby);
        await engine.MarkAsync();
        await AppendAsync(engine.Nodes[0].Log, "lost", 9, Lobby);
        await engine.LoseSinceMarkAsync();
        var log = engine.Nodes[0].Log;

        (await AppendAsync(log, "7", 7, Lobby)).Should().Be(AppendOutcome.Stored, "nobody holds a receipt for 9");
        await FillAsync(log, Lobby, 10);
        (await AppendAsync(log, "6", 6, Lobby)).Should().Be(AppendOutcome.StaleFence);
        Time.Advance(TimeSpan.FromDays(20));
        (await AppendAsync(log, "6", 6, Lobby)).Should().Be(AppendOutcome.StaleFence);
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    [Trait("Guarantee", "G24")]
    public async Task A_channel_remembers_so_many_locks_and_edges_and_forgets_the_least_recently_shown()
    {
        await using var engine = await CreateAsync(o => (o.Limits.LocksPerChannel, o.Limits.SourcesPerChannel) = (3, 3));
        var log = engine.Nodes[0].Log;
        foreach (var name in new[] { "a", "b", "c", "a", "d" })
        {
            await log.AppendAsync(new AppendRequest(Message(name, Lobby)) { Fence = new Fence(name, 9) });
            await log.AppendAsync(new AppendRequest(Message(name, Lobby)) { Source = new SourcePlace(name, new Position(name == "a" ? 9 + (await log.TopAsync(Lobby)).Offset : 9, "e")) });
        }

        (await OutcomesAsync(name => new AppendRequest(Message(name, Lobby)) { Fence = new Fence(name, 8) }))
            .Should().Equal(AppendOutcome.StaleFence, AppendOutcome.Stored, AppendOutcome.StaleFence, AppendOutcome.StaleFence);
        (await OutcomesAsync(name => new AppendRequest(Message(name, Lobby)) { Source = new SourcePlace(name, new Position(9, "e")) }))
            .Should().Equal(AppendOutcome.AlreadyTaken, AppendOutcome.Stored, AppendOutcome.AlreadyTaken, AppendOutcome.AlreadyTaken);

        async Task<List<AppendOutcome>> OutcomesAsync(Func<string, AppendRequest> request)
        {
            var outcomes = new List<AppendOutcome>();
            foreach (var name in new[] { "a", "b", "c", "d" })
            {
                // What is stored in the place of b would push out another one: asked last.
                if (name != "b")
                {
                    outcomes.Add((await log.AppendAsync(request(name))).Outcome);
                }
            }

            outcomes.Insert(1, (await log.AppendAsync(request("b"))).Outcome);
            return outcomes;
        }
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_source_place_is_taken_once_by_each_edge_and_never_one_behind_it()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        (await log.ReadSourceAsync(Lobby, "p/1")).Should().BeNull();
        (await TakeAsync(log, "1", "p/1", 1)).Should().Be(AppendOutcome.Stored);
        (await TakeAsync(engine.Nodes[^1].Log, "again", "p/1", 1)).Should().Be(AppendOutcome.AlreadyTaken);
        (await TakeAsync(log, "4", "p/1", 4)).Should().Be(AppendOutcome.Stored, "what a filter leaves out leaves a gap");
        (await TakeAsync(log, "3", "p/1", 3)).Should().Be(AppendOutcome.AlreadyTaken);
        (await TakeAsync(log, "other edge", "p/2", 1)).Should().Be(AppendOutcome.Stored);

        (await log.ReadSourceAsync(Lobby, "p/1")).Should().Be(new Position(4, "e"));
        (await engine.Nodes[^1].Log.ReadSourceAsync(Lobby, "p/2")).Should().Be(new Position(1, "e"));
        (await log.ReadSourceAsync(Address.Room("other"), "p/1")).Should().BeNull();
        (await TextsAsync(log, Lobby)).Should().Equal("1", "4", "other edge");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_source_that_began_again_is_told_apart_by_its_epoch()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        await TakeAsync(log, "old", "p/1", 500, "e1");

        (await TakeAsync(log, "new", "p/1", 1, "e2")).Should().Be(AppendOutcome.Stored);
        (await TakeAsync(log, "late", "p/1", 499, "e1")).Should().Be(AppendOutcome.AlreadyTaken, "a runner that lags behind the restart");
        (await TakeAsync(log, "new", "p/1", 1, "e2")).Should().Be(AppendOutcome.AlreadyTaken);
        (await log.ReadSourceAsync(Lobby, "p/1")).Should().Be(new Position(1, "e2"));
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task Two_runners_of_one_edge_bring_each_source_place_once()
    {
        await using var engine = await CreateAsync();
        var runners = Enumerable.Range(0, 2).Select(runner => Task.Run(async () =>
        {
            for (var i = 1; i <= 100; i++)
            {
                await TakeAsync(engine.Nodes[runner % engine.Nodes.Count].Log, $"{i}", "p/1", i);
            }
        }));
        await Task.WhenAll(runners);

        (await TextsAsync(engine.Nodes[0].Log, Lobby)).Should().Equal(Enumerable.Range(1, 100).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_source_place_whose_append_was_lost_can_be_taken_and_one_whose_append_survived_cannot()
    {
        await using var engine = await CreateAsync();
        await TakeAsync(engine.Nodes[0].Log, "1", "p/1", 1);
        await engine.MarkAsync();
        await TakeAsync(engine.Nodes[0].Log, "2", "p/1", 2);
        await engine.LoseSinceMarkAsync();
        var log = engine.Nodes[0].Log;

        (await log.ReadSourceAsync(Lobby, "p/1")).Should().Be(new Position(1, "e"));
        (await TakeAsync(log, "1", "p/1", 1)).Should().Be(AppendOutcome.AlreadyTaken);
        (await TakeAsync(log, "2", "p/1", 2)).Should().Be(AppendOutcome.Stored);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_refused_append_leaves_its_key_free_and_a_repeat_is_answered_before_anything_is_refused()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        var first = new AppendRequest(Message("first", Lobby), Keyed("k1")) { Fence = new Fence("space/l", 5) };
        await log.AppendAsync(first);
        await AppendAsync(log, "next holder", 6, Lobby, "space/l");

        (await log.AppendAsync(first)).Outcome.Should().Be(AppendOutcome.Repeated, "it was stored when its token was good");
        var refused = await log.AppendAsync(new AppendRequest(Message("second", Lobby), Sequenced(1)) { Fence = new Fence("space/l", 5) });
        refused.Should().BeEquivalentTo(new { Outcome = AppendOutcome.StaleFence, Positions = Array.Empty<Position>(), Destinations = Array.Empty<Address>() });
        (await log.AppendAsync(new AppendRequest(Message("second", Lobby), Sequenced(1)) { Fence = new Fence("space/l", 7) })).Outcome.Should().Be(AppendOutcome.Stored);
    }

    private static Task<AppendOutcome> AppendAsync(IMessageLog log, string text, long token, params Address[] to) => FencedAsync(log, text, "space/name", token, to);

    private static Task<AppendOutcome> AppendAsync(IMessageLog log, string text, long token, Address to, string name) => FencedAsync(log, text, name, token, to);

    private static async Task<AppendOutcome> FencedAsync(IMessageLog log, string text, string name, long token, params Address[] to) =>
        (await log.AppendAsync(new AppendRequest(Message(text, to)) { Fence = new Fence(name, token) })).Outcome;

    private static async Task<AppendOutcome> TakeAsync(IMessageLog log, string text, string edge, long offset, string epoch = "e") =>
        (await log.AppendAsync(new AppendRequest(Message(text, Lobby)) { Source = new SourcePlace(edge, new Position(offset, epoch)) })).Outcome;
}
