using CsCheck;
using FluentAssertions;
using Xunit;
using ServerMessagePipes = Duplexity.Server.Pipes.Cooked.MessagePipes;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>Graphs of pipes: they end, whoever drew them.</summary>
public sealed class GraphTests
{
    [Fact]
    [Trait("Requirement", "1.24")]
    public async Task Two_pipes_there_and_back_are_a_bridge_with_one_delivery_on_each_side()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("there", "room:a", "room:b"));
        await CookedRig.SetAsync(pipes, "ben", CookedRig.Pipe("back", "room:b", "room:a"));
        await rig.SendAsync("from a", "room:a", "cleo");
        await rig.SettledAsync(pipes, "amy", "ben");
        await rig.SendAsync("from b", "room:b", "cleo");
        await rig.SettledAsync(pipes, "amy", "ben");

        (await rig.TextsAsync("room:a")).Should().Equal("from a", "from b");
        (await rig.TextsAsync("room:b")).Should().Equal("from a", "from b");
    }

    [Fact]
    [Trait("Requirement", "1.18")]
    [Trait("Requirement", "1.24")]
    public async Task A_chain_of_pipes_of_several_clients_goes_on_for_eight_hops()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        string[] owners = [.. Enumerable.Range(0, 9).Select(i => $"owner{i}")];
        for (var i = 0; i < 9; i++)
        {
            await CookedRig.SetAsync(pipes, owners[i], CookedRig.Pipe("on", $"room:{i}", $"room:{i + 1}"));
        }

        await rig.SendAsync("far", "room:0");
        await rig.SettledAsync(pipes, owners);

        (await rig.TextsAsync("room:8")).Should().Equal("far");
        (await rig.LogAsync("room:9")).Should().BeEmpty();
        (await rig.Service.HearAsync(a => a.Error?.Limit == "pipes_per_message")).Owner.Should().Be("owner8");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    [Trait("Guarantee", "G24")]
    public async Task Ten_by_ten_edges_over_eight_hops_stop_at_the_budget_and_others_get_theirs()
    {
        await using var rig = new CookedRig(o => o.MessagePipes.PerClient = 1000);
        var pipes = await TenByTenByEightAsync(rig);
        await rig.SendAsync("boom", "room:0-0");
        for (var i = 0; i < 20; i++)
        {
            await rig.SendAsync($"{i}", "room:x", "ben");
        }

        await rig.SettledAsync(pipes, "amy", "ben");
        var appends = 0;
        for (var layer = 1; layer <= 8; layer++)
        {
            for (var n = 0; n < 10; n++)
            {
                appends += (await rig.LogAsync($"room:{layer}-{n}")).Count;
            }
        }

        appends.Should().BeInRange(500, 1_000);
        await rig.Service.HearAsync(a => a.Error?.Limit == "appends_per_message");
        (await rig.TextsAsync("room:y")).Should().Equal(Enumerable.Range(0, 20).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    [Trait("Guarantee", "G24")]
    public async Task What_others_send_while_a_flood_of_ten_by_ten_by_eight_is_under_way_has_its_turn_before_the_floods_end()
    {
        await using var rig = new CookedRig(o => o.MessagePipes.PerClient = 1000);
        var pipes = await TenByTenByEightAsync(rig);
        rig.Engine.PauseAfter(20);
        await rig.SendAsync("boom", "room:0-0");
        await rig.Engine.IsWaitingAsync("boom").WaitAsync(TimeSpan.FromSeconds(30));

        await rig.SendAsync("mine", "room:x", "ben");
        await rig.Engine.IsWaitingAsync("mine").WaitAsync(TimeSpan.FromSeconds(30));
        rig.Engine.Carried.Should().HaveCountLessThanOrEqualTo(20, "its turn has come while most of the flood is still to come");
        rig.Engine.GoOn();
        await rig.SettledAsync(pipes, "amy", "ben");

        rig.Engine.Carried.Count(text => text == "boom").Should().BeGreaterThan(50, "appends, most of which go to ten rooms");
        rig.Engine.Carried.Should().ContainSingle(text => text == "mine");
    }

    [Fact]
    [Trait("Requirement", "1.24")]
    [Trait("Guarantee", "G20")]
    [Trait("Guarantee", "G24")]
    public async Task Every_graph_ends_with_one_copy_for_each_way_that_it_has_or_at_the_hops_or_the_budget_and_in_order_on_each_edge()
    {
        var edge = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 4].Array[1, 4], Gen.Int[0, 1]);
        var (copies, cut) = (0, 0);
        await Gen.Select(edge.Array[1, 7], Gen.Int[0, 4].Array[1, 5], Gen.Int[1, 8], Gen.OneOf(1_000_000_000, 1_000, 60, 10, 1)).SampleAsync(
            async (drawn, sends, hops, budget) =>
            {
                await using var rig = new CookedRig(o => (o.MessagePipes.AppendsPerMessage, o.MessagePipes.Hops) = (budget, hops));
                var pipes = await rig.StartAsync();
                var graph = drawn.Select((e, n) => (Name: $"owner{e.Item3}/p{n}", From: e.Item1, To: e.Item2.Where(t => t != e.Item1).Distinct().ToArray())).Where(e => e.To.Length > 0).ToArray();
                foreach (var (name, from, to) in graph)
                {
                    await CookedRig.SetAsync(pipes, name.Split('/')[0], CookedRig.Pipe(name.Split('/')[1], $"room:{from}", [.. to.Select(t => $"room:{t}")]));
                }

                foreach (var (n, to) in sends.Index())
                {
                    await rig.SendAsync($"{n}", $"room:{to}");
                }

                await rig.SettledAsync(pipes, "owner0", "owner1");
                var foretold = new HashSet<string>();
                foreach (var (n, to) in sends.Index())
                {
                    Foretell(foretold, graph, hops, to, $"{n}", [to]);
                }

                var ways = new List<string>();
                var ids = new Dictionary<string, int>[5];
                for (var room = 0; room < 5; room++)
                {
                    var log = await rig.LogAsync($"room:{room}");
                    ids[room] = log.Index().ToDictionary(e => e.Item.Message.Id, e => e.Index);
                    ways.AddRange(log.Select(e => $"{string.Join(" ", (e.Message.Path?.Hops ?? []).Select(h => $"{h.Owner}/{h.Pipe}").Prepend(e.Message.Text!))} in {room}"));
                }

                Check(ways.Distinct().Count() == ways.Count, "a way brought two copies", ways);
                Check(foretold.IsSupersetOf(ways), "copies came by ways that are none", ways);
                Check(budget < 1_000_000 || ways.Count == foretold.Count, "ways brought nothing", foretold.Except(ways));
                Check(ways.Where(w => w.Contains('/')).CountBy(w => w[0]).All(c => c.Value <= budget), "the budget is spent", ways);
                for (var room = 0; room < 5; room++)
                {
                    foreach (var edgeCopies in (await rig.LogAsync($"room:{room}")).Where(e => e.Message.Path is not null).GroupBy(e => (e.Message.Path!.Hops[^1].Owner, e.Message.Path.Hops[^1].Pipe)))
                    {
                        int[] places = [.. edgeCopies.Select(c => ids[int.Parse(c.Message.Path!.Hops[^1].From.Name)][c.Message.Path.Hops[^1].MessageId])];
                        Check(places.Zip(places.Skip(1)).All(p => p.First < p.Second), $"{edgeCopies.Key} to {room} is out of order", ways);
                    }
                }

                Interlocked.Add(ref copies, ways.Count);
                Interlocked.Add(ref cut, foretold.Count - ways.Count);
            },
            iter: 2_000,
            threads: 2);

        copies.Should().BeGreaterThan(10_000);
        cut.Should().BeGreaterThan(1_000, "budgets were met, too");
    }

    /// <summary>Of amy: eight layers of ten rooms, each carried to all ten of the next. Of ben: one pipe beside them.</summary>
    private static async Task<ServerMessagePipes> TenByTenByEightAsync(CookedRig rig)
    {
        var pipes = await rig.StartAsync();
        for (var layer = 0; layer < 8; layer++)
        {
            await CookedRig.SetAsync(pipes, "amy", [.. Enumerable.Range(0, 10).Select(n =>
                CookedRig.Pipe($"{layer}-{n}", $"room:{layer}-{n}", [.. Enumerable.Range(0, 10).Select(to => $"room:{layer + 1}-{to}")]))]);
        }

        await CookedRig.SetAsync(pipes, "ben", CookedRig.Pipe("p", "room:x", "room:y"));
        return pipes;
    }

    /// <summary>Every way from a room that comes through no room twice and through no more pipes than are allowed.</summary>
    private static void Foretell(HashSet<string> ways, (string Name, int From, int[] To)[] graph, int hops, int room, string way, int[] passed)
    {
        ways.Add($"{way} in {room}");
        if (passed.Length > hops)
        {
            return;
        }

        foreach (var (name, _, to) in graph.Where(p => p.From == room))
        {
            foreach (var next in to.Except(passed))
            {
                Foretell(ways, graph, hops, next, $"{way} {name}", [.. passed, next]);
            }
        }
    }

    private static void Check(bool isTrue, string what, IEnumerable<string> ways)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException($"{what}: {string.Join(", ", ways)}");
        }
    }
}
