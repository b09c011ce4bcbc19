using CsCheck;
using FluentAssertions;
using Xunit;

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
        var pipes = await rig.StartAsync();
        for (var layer = 0; layer < 8; layer++)
        {
            await CookedRig.SetAsync(pipes, "amy", [.. Enumerable.Range(0, 10).Select(n =>
                CookedRig.Pipe($"{layer}-{n}", $"room:{layer}-{n}", [.. Enumerable.Range(0, 10).Select(to => $"room:{layer + 1}-{to}")]))]);
        }

        await CookedRig.SetAsync(pipes, "ben", CookedRig.Pipe("p", "room:x", "room:y"));
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
    public async Task Every_graph_ends_within_the_budget_with_one_copy_for_each_way_and_in_order_on_each_edge()
    {
        var edge = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 4].Array[1, 4], Gen.Int[0, 1]);
        await Gen.Select(edge.Array[1, 7], Gen.Int[0, 4].Array[1, 5]).SampleAsync(
            async (graph, sends) =>
            {
                await using var rig = new CookedRig(o => o.MessagePipes.AppendsPerMessage = 60);
                var pipes = await rig.StartAsync();
                foreach (var (n, (from, to, owner)) in graph.Index())
                {
                    if (to.Where(t => t != from).Distinct().Select(t => $"room:{t}").ToArray() is { Length: > 0 } others)
                    {
                        await CookedRig.SetAsync(pipes, $"owner{owner}", CookedRig.Pipe($"p{n}", $"room:{from}", others));
                    }
                }

                foreach (var (n, to) in sends.Index())
                {
                    await rig.SendAsync($"{n}", $"room:{to}");
                }

                await rig.SettledAsync(pipes, "owner0", "owner1");
                var logs = new Dictionary<Address, List<Server.Engine.LogEntry>>();
                for (var room = 0; room < 5; room++)
                {
                    logs[Address.Room($"{room}")] = [.. await rig.LogAsync($"room:{room}")];
                }

                var all = logs.Values.SelectMany(l => l).ToList();
                all.Count(e => e.Message.Path is null).Should().Be(sends.Length);
                all.Where(e => e.Message.Path is not null).GroupBy(e => e.Message.Text).All(g => g.Count() <= 60).Should().BeTrue();
                foreach (var (channel, log) in logs)
                {
                    var ways = log.Select(e => string.Join(" ", (e.Message.Path?.Hops ?? []).Select(h => $"{h.Owner}/{h.Pipe}").Prepend(e.Message.Text)));
                    ways.Should().OnlyHaveUniqueItems("each way brings one copy");
                    log.All(e => (e.Message.Path?.Hops ?? []).Select(h => h.From).Append(channel).GroupBy(a => a).All(g => g.Count() == 1)).Should().BeTrue("no way comes through a channel twice");
                    foreach (var copies in log.Where(e => e.Message.Path is not null).GroupBy(e => (e.Message.Path!.Hops[^1].Owner, e.Message.Path.Hops[^1].Pipe)))
                    {
                        var source = logs[copies.First().Message.Path!.Hops[^1].From];
                        copies.Select(c => source.FindIndex(s => s.Message.Id == c.Message.Path!.Hops[^1].MessageId)).Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
                    }
                }
            },
            iter: 60,
            threads: 1);
    }
}
