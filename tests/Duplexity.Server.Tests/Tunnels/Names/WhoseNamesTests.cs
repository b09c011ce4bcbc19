using System.Net;
using Duplexity.Server.Backend;
using Duplexity.Server.Sockets;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Names;

/// <summary>Names that are kept, that change hands, and that stand above and below each other.</summary>
public sealed class WhoseNamesTests
{
    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Requirement", "2.12")]
    public async Task A_name_that_changes_hands_answers_404_for_half_a_minute_and_then_serves_its_new_owner()
    {
        await using var rig = await NameRig.StartAsync();
        var (amy, _) = await rig.TryServeAsync("amy", ["cat1", "*.cat1"]);
        (await rig.VisitAsync("cat1.localhost")).Should().Be((HttpStatusCode.OK, "amy"));
        (await rig.VisitAsync("a.cat1.localhost")).Should().Be((HttpStatusCode.OK, "amy"));
        await rig.Host.Pipes.RemoveAsync(amy.Session, null, CancellationToken.None);

        var (_, answer) = await rig.TryServeAsync("ben", ["cat1", "a.cat1.localhost"]);

        answer.Error.Should().BeNull();
        (await rig.VisitAsync("cat1.localhost")).Status.Should().Be(HttpStatusCode.NotFound);
        (await rig.VisitAsync("a.cat1.localhost")).Status.Should().Be(HttpStatusCode.NotFound, "a wildcard of another client served it");
        rig.Time.Advance(TimeSpan.FromSeconds(29));
        (await rig.VisitAsync("cat1.localhost")).Status.Should().Be(HttpStatusCode.NotFound);
        rig.Time.Advance(TimeSpan.FromSeconds(1));
        (await rig.VisitAsync("cat1.localhost")).Should().Be((HttpStatusCode.OK, "ben"));
        (await rig.VisitAsync("a.cat1.localhost")).Should().Be((HttpStatusCode.OK, "ben"));
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_reserved_name_and_what_is_below_it_is_its_owners_while_no_program_serves_it()
    {
        await using var rig = await NameRig.StartAsync();
        (await rig.ReserveAsync("amy", "Shop")).Should().BeNull();
        (await rig.ReserveAsync("amy", "shop.localhost")).Should().BeNull("it is hers already");

        foreach (var name in (string[])["shop", "a.shop.localhost", "*.shop", "*.a.shop.localhost"])
        {
            (await rig.TryServeAsync("ben", [name])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code, name);
        }

        (await rig.ReserveAsync("ben", "shop"))!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.TryServeAsync("amy", ["shop", "*.shop"])).Answer.Error.Should().BeNull();
        (await rig.VisitAsync("b.shop.localhost")).Should().Be((HttpStatusCode.OK, "amy"));
        rig.Reservations.List("amy").Should().ContainSingle().Which.Should().BeEquivalentTo(new { Name = "shop.localhost", Owner = "amy", FreeAt = (DateTimeOffset?)null });
        rig.Reservations.List("ben").Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_released_name_rests_for_thirty_days_but_not_for_who_had_it()
    {
        await using var rig = await NameRig.StartAsync();
        await rig.ReserveAsync("amy", "cat1");
        await rig.ReserveAsync("amy", "cat2");

        (await rig.Reservations.ReleaseAsync("ben", "cat1", owner => owner == "ben", CancellationToken.None)).Should().BeFalse();
        (await rig.Reservations.ReleaseAsync("amy", "cat1", owner => owner == "amy", CancellationToken.None)).Should().BeTrue();
        (await rig.Reservations.ReleaseAsync("amy", "cat2", owner => owner == "amy", CancellationToken.None)).Should().BeTrue();
        (await rig.Reservations.ReleaseAsync("amy", "cat2", owner => owner == "amy", CancellationToken.None)).Should().BeFalse("it is released");

        rig.Reservations.List("amy").Select(n => n.FreeAt - rig.Time.GetUtcNow()).Should().Equal(TimeSpan.FromDays(30), TimeSpan.FromDays(30));
        (await rig.ReserveAsync("ben", "cat1"))!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.TryServeAsync("ben", ["cat1"])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.ReserveAsync("amy", "cat2")).Should().BeNull();
        rig.Time.Advance(TimeSpan.FromDays(30));
        (await rig.ReserveAsync("ben", "cat1")).Should().BeNull();
        (await rig.ReserveAsync("ben", "cat2"))!.Code.Should().Be(Errors.NameTaken.Code);
    }

    [Fact]
    public async Task What_another_client_serves_cannot_be_reserved_nor_what_the_client_may_not_publish()
    {
        await using var rig = await NameRig.StartAsync(o => o.Limits.NamesPerClient = 1);
        await rig.TryServeAsync("amy", ["a.shop.localhost"]);

        (await rig.ReserveAsync("ben", "shop"))!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.ReserveAsync("ben", "cat1", new Allowances { Publish = ["dog*"] }))!.Code.Should().Be(Errors.Denied.Code);
        (await rig.ReserveAsync("ben", "www"))!.Code.Should().Be(Errors.InvalidPipe.Code);
        (await rig.ReserveAsync("ben", "a.b.localhost"))!.Sentence.Should().Contain("the label right before localhost");
        (await rig.ReserveAsync("ben", "*"))!.Code.Should().Be(Errors.InvalidPipe.Code);
        (await rig.ReserveAsync("ben", ":7000"))!.Code.Should().Be(Errors.InvalidRequest.Code);
        (await rig.ReserveAsync("ben", "dog1", new Allowances { Publish = ["dog*"] })).Should().BeNull();
        (await rig.ReserveAsync("ben", "dog2"))!.Limit.Should().Be("names_per_client");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Who_claims_ten_names_of_others_in_a_minute_is_told_of_no_more_but_serves_its_own()
    {
        await using var rig = await NameRig.StartAsync();
        await rig.ReserveAsync("amy", "cat1");
        await rig.ReserveAsync("ben", "dog1");
        var (ben, _) = await rig.TryServeAsync("ben", ["dog2"]);
        for (var i = 0; i < 10; i++)
        {
            (await rig.ReserveAsync("ben", "cat1"))!.Code.Should().Be(Errors.NameTaken.Code);
        }

        var refused = await rig.ReserveAsync("ben", "cat1");
        var (_, free) = await rig.TryServeAsync("ben", ["nobodys"], session: "desktop");

        refused!.Limit.Should().Be("name_claims");
        refused.RetryAfterMs.Should().BeInRange(1, 60_001);
        free.Error!.Limit.Should().Be("name_claims", "a name that is free is refused alike");
        (await rig.TryServeAsync("ben", ["dog1", "a.dog1.localhost"])).Answer.Error.Should().BeNull("they are its own");
        (await ben.TryServeAsync(TunnelHost.Everything, [new() { Name = "dog2", Resource = "http://localhost:9" }])).Error.Should().BeNull();
        (await rig.TryServeAsync("ben", [""], session: "phone")).Answer.Error.Should().BeNull("it asks for no name");
        (await rig.ReserveAsync("cleo", "cat2")).Should().BeNull();
        rig.Time.Advance(TimeSpan.FromMinutes(1));
        (await rig.ReserveAsync("ben", "nobodys")).Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task The_wildcard_of_the_whole_domain_is_an_administrators_and_stands_behind_all_names()
    {
        await using var rig = await NameRig.StartAsync();
        (await rig.TryServeAsync("amy", ["*"])).Answer.Error!.Gate.Should().Be("scope");
        (await rig.TryServeAsync("root", ["*"], new Allowances { Publish = ["*"], Administer = ["*"] })).Answer.Pipes!.Single().Name.Should().Be("*.localhost");

        (await rig.TryServeAsync("amy", ["cat1"])).Answer.Error.Should().BeNull();

        (await rig.VisitAsync("cat1.localhost")).Body.Should().Be("amy");
        (await rig.VisitAsync("anything.localhost")).Body.Should().Be("root");
    }

    [Fact]
    [Trait("Requirement", "2.17")]
    public async Task Who_may_publish_a_label_may_publish_what_is_below_it_and_nothing_beside()
    {
        await using var rig = await NameRig.StartAsync();
        var shop = new Allowances { Publish = ["shop"] };

        (await rig.TryServeAsync("amy", ["shop", "*.shop", "a.shop.localhost"], shop)).Answer.Error.Should().BeNull();
        (await rig.TryServeAsync("amy", ["shop.other.localhost"], shop)).Answer.Error!.Gate.Should().Be("scope");
        (await rig.TryServeAsync("ben", ["api-1.other.localhost"], new Allowances { Publish = ["api-*"] })).Answer.Error!.Gate.Should().Be("scope", "the pattern is of labels before the domain");
    }

    [Fact]
    public async Task A_pipe_of_a_wildcard_is_removed_and_closed_by_its_name()
    {
        await using var rig = await NameRig.StartAsync();
        var (amy, _) = await rig.TryServeAsync("amy", ["*.cat1", "*.cat2"]);

        await rig.Host.Pipes.RemoveAsync(amy.Session, ["*.CAT1.localhost"], CancellationToken.None);
        (await rig.Host.Pipes.CloseAsync("*.cat2", _ => true, null, "root", null, CancellationToken.None)).Should().BeTrue();

        (await rig.Host.Pipes.ListAsync(null, CancellationToken.None)).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task A_removed_client_has_no_names_and_nobody_else_gets_them_at_once()
    {
        await using var rig = await NameRig.StartAsync();
        await rig.ReserveAsync("amy", "cat1");

        foreach (var kept in rig.Host.Services.GetServices<IBelongings>())
        {
            await kept.RemoveAsync("amy", CancellationToken.None);
        }

        rig.Reservations.List("amy").Should().OnlyContain(n => n.FreeAt != null);
        (await rig.ReserveAsync("ben", "cat1"))!.Code.Should().Be(Errors.NameTaken.Code);
    }

    [Fact]
    [Trait("Requirement", "2.11")]
    public async Task What_is_registered_is_told_apart_from_who_serves_a_host()
    {
        await using var rig = await NameRig.StartAsync();
        await rig.TryServeAsync("amy", ["*.cat1"]);
        var backend = rig.Get<BackendRegistry>();

        (await backend.LocateAsync("a.cat1.localhost", CancellationToken.None))!.Name.Should().Be("*.cat1.localhost");
        (await backend.ReadAsync("a.cat1.localhost", CancellationToken.None)).Should().BeNull();
        (await backend.LocateAsync("cat1.localhost", CancellationToken.None)).Should().BeNull();
    }
}
