using Duplexity.Protocol;
using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    private static PipeEntry SharedPipe(string name, long generation, string session, string client = "AMY") =>
        Pipe(name, generation, client, session) with { Settings = new PipeRegistration { Share = true } };

    [Fact]
    [Trait("Guarantee", "G21")]
    [Trait("Guarantee", "G7")]
    public async Task Sessions_that_share_a_name_have_it_side_by_side_on_every_node_and_each_leaves_by_itself()
    {
        await using var engine = await CreateAsync();
        var (one, two) = (engine.Nodes[0].Registry, engine.Nodes[^1].Registry);
        var (newer, older) = (SharedPipe("cat1.localhost", 12, "laptop"), SharedPipe("cat1.localhost", 11, "desktop"));

        (await one.RegisterAsync([newer])).Replaced.Should().BeEmpty();
        var second = await two.RegisterAsync([older, SharedPipe("cat2.localhost", 11, "desktop")]);

        second.Conflicts.Should().BeEmpty("whoever shares does not care who is newer");
        second.Replaced.Should().BeEmpty();
        (await one.LocateAllAsync("cat1.localhost")).Should().Equal(older, newer);
        (await two.LocateAsync("cat1.localhost")).Should().Be(newer);
        (await one.ListAsync("AMY")).Select(e => (e.Name, e.Session)).Should().Equal(("cat1.localhost", "desktop"), ("cat1.localhost", "laptop"), ("cat2.localhost", "desktop"));
        (await one.ListAsync(null)).Should().HaveCount(3);

        (await one.RemoveAsync("AMY", "desktop", 10)).Should().BeEmpty("that was before");
        (await one.RemoveAsync("AMY", "desktop", 11)).Select(e => e.Name).Should().BeEquivalentTo("cat1.localhost", "cat2.localhost");
        (await two.LocateAllAsync("cat1.localhost")).Should().Equal(newer);
        (await two.RemoveAsync("AMY", "laptop", 12, ["cat1.localhost"])).Should().Equal(newer);
        (await one.LocateAllAsync("cat1.localhost")).Should().BeEmpty();
        (await one.ListAsync("AMY")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task A_session_that_shares_replaces_its_own_older_registration_and_no_others()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        var (old, other) = (SharedPipe("cat1.localhost", 10, "laptop"), SharedPipe("cat1.localhost", 11, "desktop"));
        await registry.RegisterAsync([old]);
        await registry.RegisterAsync([other]);

        var again = SharedPipe("cat1.localhost", 12, "laptop");
        (await registry.RegisterAsync([again])).Replaced.Should().Equal(old);
        (await registry.RegisterAsync([again])).Replaced.Should().BeEmpty("it repeats itself");
        (await registry.RegisterAsync([old])).Conflicts.Should().Equal("cat1.localhost");

        (await registry.LocateAllAsync("cat1.localhost")).Should().Equal(other, again);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_shared_hostname_is_left_and_what_is_below_it_is_free_when_the_last_session_has_gone()
    {
        await using var engine = await CreateAsync();
        var (registry, other) = (engine.Nodes[0].Registry, engine.Nodes[^1].Registry);
        PipeEntry Shared(string name, long generation, string session) => Host(name, generation, session: session) with { Settings = new PipeRegistration { Share = true } };
        await registry.RegisterAsync([Shared("a.shop.localhost", 10, "laptop"), Shared("*.shop.localhost", 10, "laptop")]);
        await other.RegisterAsync([Shared("a.shop.localhost", 11, "desktop"), Shared("*.shop.localhost", 11, "desktop")]);
        (await registry.LocateAllAsync("b.shop.localhost")).Select(e => (e.Name, e.Session)).Should().Equal(("*.shop.localhost", "laptop"), ("*.shop.localhost", "desktop"));
        (await registry.ReadAllAsync("b.shop.localhost")).Should().BeEmpty();

        await registry.RemoveAsync("AMY", "laptop", 10);

        (await other.LocateAllAsync("a.shop.localhost")).Select(e => e.Session).Should().Equal("desktop");
        (await other.LocateAllAsync("b.shop.localhost")).Select(e => e.Session).Should().Equal("desktop");
        (await registry.RegisterAsync([Host("shop.localhost", 12, "BEN")])).Conflicts.Should().Equal("shop.localhost");
        await other.RemoveAsync("AMY", "desktop", 11);
        (await registry.RegisterAsync([Host("shop.localhost", 13, "BEN"), Host("a.shop.localhost", 13, "BEN")])).Conflicts.Should().BeEmpty();
        (await other.LocateAllAsync("a.shop.localhost")).Should().BeEmpty("it rests from the end of its last one on");
        (await other.ReadAllAsync("a.shop.localhost")).Should().ContainSingle().Which.Client.Should().Be("BEN");
        Time.Advance(TimeSpan.FromSeconds(30));
        (await other.LocateAllAsync("a.shop.localhost")).Should().ContainSingle();
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [Trait("Guarantee", "G21")]
    public async Task Where_one_of_two_sessions_does_not_share_the_newer_one_has_the_name(bool olderShares, bool newerShares)
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        var older = Pipe("cat1.localhost", 10, session: "laptop") with { Settings = new PipeRegistration { Share = olderShares } };
        var newer = Pipe("cat1.localhost", 11, session: "desktop") with { Settings = new PipeRegistration { Share = newerShares } };
        await registry.RegisterAsync([older]);

        (await registry.RegisterAsync([newer])).Replaced.Should().Equal(older);
        (await registry.RegisterAsync([older])).Conflicts.Should().Equal("cat1.localhost");

        (await registry.LocateAllAsync("cat1.localhost")).Should().Equal(newer);
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task A_newer_session_that_does_not_share_takes_over_from_all_and_another_owner_gets_none_of_it()
    {
        await using var engine = await CreateAsync();
        var registry = engine.Nodes[0].Registry;
        PipeEntry[] shared = [SharedPipe("cat1.localhost", 10, "a"), SharedPipe("cat1.localhost", 11, "b"), SharedPipe("cat1.localhost", 12, "c")];
        foreach (var entry in shared)
        {
            await registry.RegisterAsync([entry]);
        }

        (await registry.RegisterAsync([SharedPipe("cat1.localhost", 99, "d", "BEN")])).Conflicts.Should().Equal("cat1.localhost");
        (await registry.RegisterAsync([Pipe("cat1.localhost", 11, session: "d")])).Conflicts.Should().Equal("cat1.localhost");
        (await registry.LocateAllAsync("cat1.localhost")).Should().Equal(shared);

        var alone = Pipe("cat1.localhost", 13, session: "d");
        (await registry.RegisterAsync([alone])).Replaced.Should().BeEquivalentTo(shared);
        (await registry.LocateAllAsync("cat1.localhost")).Should().Equal(alone);
        (await registry.ListAsync("AMY")).Should().Equal(alone);
    }
}
