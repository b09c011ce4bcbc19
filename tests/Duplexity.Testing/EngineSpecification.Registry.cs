using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    private static PipeEntry Pipe(string name, long generation, string client = "AMY", string session = "laptop") => new()
    {
        Name = name,
        Client = client,
        Session = session,
        Generation = generation,
        Node = "n1",
        Resource = "http://localhost:9090",
        HostHeader = "keep",
        Url = $"http://{name}:5080",
        Since = DateTimeOffset.UnixEpoch,
    };

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task Generations_grow_on_every_node_and_through_the_loss_of_the_last_ones()
    {
        await using var engine = await CreateAsync();
        await engine.MarkAsync();
        var given = new List<long>();
        for (var i = 0; i < 100; i++)
        {
            given.Add(await engine.Nodes[i % engine.Nodes.Count].Registry.NextGenerationAsync());
        }

        Time.Advance(TimeSpan.FromSeconds(1));
        await engine.LoseSinceMarkAsync();
        given.Add(await engine.Nodes[0].Registry.NextGenerationAsync());

        given.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
        given[0].Should().BePositive();
        given[^1].Should().BeLessThan(1L << 53, "it is a number in JavaScript too");
    }

    [Fact]
    [Trait("Requirement", "2.10")]
    public async Task A_registration_is_located_on_every_node_and_repeating_it_is_no_news()
    {
        await using var engine = await CreateAsync();
        var entry = Pipe("cat1.localhost", 10) with { Exchanges = true };

        foreach (var node in engine.Nodes.Concat(engine.Nodes))
        {
            var result = await node.Registry.RegisterAsync([entry]);
            result.Conflicts.Should().BeEmpty();
            result.Replaced.Should().BeEmpty();
            (await engine.Nodes[^1].Registry.LocateAsync("cat1.localhost")).Should().Be(entry);
        }

        (await engine.Nodes[0].Registry.LocateAsync("cat2.localhost")).Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.10")]
    public async Task A_name_of_another_owner_is_a_conflict_and_then_nothing_is_registered()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        var own = Pipe("cat1.localhost", 10);
        await registry.RegisterAsync([own]);

        var result = await registry.RegisterAsync([Pipe("dog.localhost", 99, "BEN"), Pipe("cat1.localhost", 99, "BEN"), Pipe("cow.localhost", 99, "BEN")]);

        result.Conflicts.Should().Equal("cat1.localhost");
        result.Replaced.Should().BeEmpty();
        (await registry.LocateAsync("cat1.localhost")).Should().Be(own);
        (await registry.LocateAsync("dog.localhost")).Should().BeNull();
        (await registry.LocateAsync("cow.localhost")).Should().BeNull();
        (await registry.ListAsync("BEN")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task A_newer_generation_takes_over_and_an_older_one_is_a_conflict()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        var (old, kept) = (Pipe("cat1.localhost", 10), Pipe("cat2.localhost", 10));
        await registry.RegisterAsync([old, kept]);

        var newer = await registry.RegisterAsync([Pipe("cat1.localhost", 11, session: "desktop")]);
        var older = await registry.RegisterAsync([Pipe("cat1.localhost", 10), Pipe("cat3.localhost", 10)]);

        newer.Conflicts.Should().BeEmpty();
        newer.Replaced.Should().Equal(old);
        older.Conflicts.Should().Equal("cat1.localhost");
        (await registry.ListAsync("AMY")).Select(e => (e.Name, e.Session)).Should().BeEquivalentTo([("cat1.localhost", "desktop"), ("cat2.localhost", "laptop")]);
    }

    [Fact]
    [Trait("Requirement", "2.37")]
    [Trait("Guarantee", "G16")]
    public async Task A_late_removal_by_an_older_generation_another_session_or_another_owner_changes_nothing()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        var entry = Pipe("cat1.localhost", 11);
        await registry.RegisterAsync([Pipe("cat1.localhost", 10)]);
        await registry.RegisterAsync([entry]);

        (await registry.RemoveAsync("AMY", "laptop", 10)).Should().BeEmpty();
        (await registry.RemoveAsync("AMY", "desktop", 99)).Should().BeEmpty();
        (await registry.RemoveAsync("BEN", "laptop", 99)).Should().BeEmpty();
        (await registry.RemoveAsync("AMY", "laptop", 99, ["cat2.localhost"])).Should().BeEmpty();
        (await registry.LocateAsync("cat1.localhost")).Should().Be(entry);

        (await registry.RemoveAsync("AMY", "laptop", 11)).Should().Equal(entry);
        (await registry.RemoveAsync("AMY", "laptop", 11)).Should().BeEmpty("a removal repeated is done already");
        (await engine.Nodes[^1].Registry.LocateAsync("cat1.localhost")).Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.10")]
    public async Task Named_removals_leave_the_others_and_a_freed_name_is_anyones()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        await registry.RegisterAsync([Pipe("a.localhost", 10), Pipe("b.localhost", 10), Pipe(":7001", 10)]);

        (await registry.RemoveAsync("AMY", "laptop", 10, ["a.localhost", ":7001", "a.localhost"])).Select(e => e.Name).Should().BeEquivalentTo("a.localhost", ":7001");

        (await registry.ListAsync("AMY")).Select(e => e.Name).Should().Equal("b.localhost");
        (await registry.RegisterAsync([Pipe("a.localhost", 1, "BEN")])).Conflicts.Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task Two_owners_who_want_the_same_names_at_once_never_share_them()
    {
        await using var engine = await CreateAsync();
        for (var round = 0; round < 50; round++)
        {
            string[] names = [$"a{round}.localhost", $"b{round}.localhost", $"c{round}.localhost"];
            var results = await Task.WhenAll(new[] { "AMY", "BEN" }.Select((client, i) => Task.Run(async () =>
                await engine.Nodes[i % engine.Nodes.Count].Registry.RegisterAsync([.. (i == 0 ? names : names.Reverse()).Select(n => Pipe(n, 1, client))]))));

            results.Count(r => r.Conflicts.Count == 0).Should().Be(1);
            var owners = await Task.WhenAll(names.Select(async n => (await engine.Nodes[0].Registry.LocateAsync(n))!.Client));
            owners.Distinct().Should().ContainSingle();
        }
    }
}
