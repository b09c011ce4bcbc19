using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    private static PipeEntry Host(string name, long generation, string client = "AMY", string session = "laptop") =>
        Pipe(name, generation, client, session) with { Tree = NameTree.Of(name, "localhost") };

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_hostname_that_goes_to_another_owner_is_found_after_its_rest_and_its_own_owner_is_found_at_once()
    {
        await using var engine = await CreateAsync();
        var (registry, other) = (engine.Nodes[0].Registry, engine.Nodes[^1].Registry);
        await registry.RegisterAsync([Host("cat1.localhost", 10), Host("cat2.localhost", 10), Pipe(":7001", 10)]);
        await registry.RemoveAsync("AMY", "laptop", 10);

        await registry.RegisterAsync([Host("cat2.localhost", 11)]);
        (await registry.RegisterAsync([Host("cat1.localhost", 12, "BEN"), Pipe(":7001", 12, "BEN")])).Conflicts.Should().BeEmpty();

        (await other.LocateAsync("cat2.localhost"))!.Client.Should().Be("AMY");
        (await other.LocateAsync(":7001"))!.Client.Should().Be("BEN", "a port has no visitors who know it by its name");
        (await other.LocateAsync("cat1.localhost")).Should().BeNull("AMY's visitors may still be on their way");
        (await other.ReadAsync("cat1.localhost"))!.Client.Should().Be("BEN");

        // Who has it while it rests does not end the rest by leaving and coming back.
        await registry.RemoveAsync("BEN", "laptop", 12);
        await registry.RegisterAsync([Host("cat1.localhost", 13, "BEN")]);
        (await other.LocateAsync("cat1.localhost")).Should().BeNull();
        Time.Advance(TimeSpan.FromSeconds(30));
        (await other.LocateAsync("cat1.localhost"))!.Generation.Should().Be(13);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_rest_of_nothing_is_none()
    {
        await using var engine = await CreateAsync(o => o.Times.HandOver = TimeSpan.Zero);
        var registry = engine.Nodes[0].Registry;
        await registry.RegisterAsync([Host("cat1.localhost", 10)]);
        await registry.RemoveAsync("AMY", "laptop", 10);
        await registry.RegisterAsync([Host("cat1.localhost", 11, "BEN")]);

        (await registry.LocateAsync("cat1.localhost"))!.Client.Should().Be("BEN");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task Visitors_are_served_by_their_hosts_own_name_or_else_by_the_longest_wildcard_over_it()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        await registry.RegisterAsync([Host("*.localhost", 10, "ROOT")]);
        await registry.RegisterAsync([Host("shop.localhost", 11), Host("*.shop.localhost", 11), Host("a.shop.localhost", 11), Host("*.b.shop.localhost", 11)]);

        foreach (var (host, name) in new[]
        {
            ("shop.localhost", "shop.localhost"), ("a.shop.localhost", "a.shop.localhost"), ("b.shop.localhost", "*.shop.localhost"), ("x.b.shop.localhost", "*.b.shop.localhost"),
            ("x.a.shop.localhost", "*.shop.localhost"), ("other.localhost", "*.localhost"),
        })
        {
            (await engine.Nodes[^1].Registry.LocateAsync(host))!.Name.Should().Be(name, host);
        }

        (await registry.LocateAsync("other.example")).Should().BeNull();
        (await registry.ReadAsync("b.shop.localhost")).Should().BeNull();
    }

    [Theory]
    [Trait("Guarantee", "G7")]
    [InlineData("shop.localhost", "*.shop.localhost")]
    [InlineData("shop.localhost", "a.shop.localhost")]
    [InlineData("*.shop.localhost", "shop.localhost")]
    [InlineData("*.shop.localhost", "b.a.shop.localhost")]
    [InlineData("a.shop.localhost", "shop.localhost")]
    [InlineData("b.a.shop.localhost", "*.shop.localhost")]
    [InlineData("cat1.example.com", "*.example.com")]
    [InlineData("example.com", "cat1.example.com")]
    public async Task Above_and_below_a_name_is_room_for_its_owner_only(string first, string second)
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        await registry.RegisterAsync([Host(first, 10)]);

        (await engine.Nodes[^1].Registry.RegisterAsync([Host(second, 11, "BEN")])).Conflicts.Should().Equal(second);
        (await registry.RegisterAsync([Host(second, 12)])).Conflicts.Should().BeEmpty("it is the same owner's");
        await registry.RemoveAsync("AMY", "laptop", 12);
        (await registry.RegisterAsync([Host(second, 13, "BEN")])).Conflicts.Should().BeEmpty("nobody has anything there any more");
        (await registry.RegisterAsync([Host("beside.localhost", 14, "CLEO")])).Conflicts.Should().BeEmpty();
    }
}
