using System.Net;
using System.Text.RegularExpressions;
using Duplexity.Server.Tunnels.Names;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Names;

/// <summary>Domains beside the server's own: given by the operator, or proven in the DNS.</summary>
[Trait("Guarantee", "G7")]
public sealed partial class DomainTests
{
    private const string Site = "cat1.example.com";
    private const string Record = "_duplexity.cat1.example.com";

    [Fact]
    [Trait("Requirement", "2.17")]
    public async Task An_unproven_domain_is_refused_with_the_very_record_to_make_and_served_once_that_is_there()
    {
        await using var rig = await NameRig.StartAsync();

        var refused = (await rig.TryServeAsync("amy", ["CAT1.example.com"])).Answer.Error!;
        var (name, value) = RecordOf(refused);
        rig.Dns.Set(name, "v=spf1 -all", value);
        var (_, answer) = await rig.TryServeAsync("amy", [Site]);

        name.Should().Be(Record);
        refused.Gate.Should().Be("domain");
        answer.Error.Should().BeNull();
        answer.Pipes!.Single().Url.Should().Be($"http://{Site}:{rig.Host.Port}/");
        (await rig.VisitAsync(Site)).Should().Be((HttpStatusCode.OK, "amy"));
        RecordOf((await rig.TryServeAsync("ben", [Site])).Answer.Error!).Value.Should().NotBe(value, "it proves that the domain is AMY's, and nobody else's");
    }

    [Fact]
    public async Task A_record_above_proves_what_is_below_and_one_below_proves_nothing_above()
    {
        await using var rig = await NameRig.StartAsync();
        var (name, value) = RecordOf((await rig.TryServeAsync("amy", ["*.example.com"])).Answer.Error!);
        name.Should().Be("_duplexity.example.com");
        rig.Dns.Set(name, value);

        (await rig.TryServeAsync("amy", ["*.example.com", "a.b.example.com"])).Answer.Error.Should().BeNull();
        (await rig.VisitAsync("x.example.com")).Body.Should().Be("amy");
        var (below, proof) = RecordOf((await rig.TryServeAsync("ben", ["ben.example.net"])).Answer.Error!);
        rig.Dns.Set(below, proof);
        (await rig.TryServeAsync("ben", ["example.net"])).Answer.Error!.Gate.Should().Be("domain");
    }

    [Fact]
    public async Task The_operator_gives_domains_to_clients_and_then_nobody_asks_the_dns()
    {
        await using var rig = await NameRig.StartAsync(o =>
        {
            o.Pipes.Domains["*.example.com"] = new DomainOptions { Clients = { "amy", "team-*" } };
            o.Pipes.Domains["example.net"] = new DomainOptions { Clients = { "amy" } };
        });

        (await rig.TryServeAsync("amy", [Site, "example.net"])).Answer.Error.Should().BeNull();
        (await rig.TryServeAsync("team-1", ["team.example.com"])).Answer.Error.Should().BeNull();
        rig.Dns.Asked.Should().Be(0);
        (await rig.TryServeAsync("ben", ["ben.example.com"])).Answer.Error!.Gate.Should().Be("domain");
        rig.Dns.Asked.Should().BeGreaterThan(0);
    }

    [Fact]
    public async Task A_proof_is_looked_for_again_after_a_day_and_without_it_the_pipe_is_closed_and_the_reservation_known_no_more()
    {
        await using var rig = await NameRig.StartAsync();
        var (name, value) = RecordOf((await rig.TryServeAsync("amy", [Site])).Answer.Error!);
        rig.Dns.Set(name, value);
        await rig.TryServeAsync("amy", [Site]);
        await rig.ReserveAsync("amy", Site);
        var (watch, hosts) = (rig.Get<DomainWatch>(), rig.Get<KnownHosts>());

        rig.Dns.Set(name);
        await watch.LookAsync(CancellationToken.None);
        (await rig.VisitAsync(Site)).Body.Should().Be("amy", "it was proven today");
        rig.Dns.IsBroken = true;
        rig.Time.Advance(TimeSpan.FromHours(24));
        await watch.LookAsync(CancellationToken.None);
        (await rig.VisitAsync(Site)).Body.Should().Be("amy", "a DNS server that is away says nothing");
        (await hosts.ContainsAsync(Site, CancellationToken.None)).Should().BeTrue();

        rig.Dns.IsBroken = false;
        await watch.LookAsync(CancellationToken.None);

        (await rig.VisitAsync(Site)).Status.Should().Be(HttpStatusCode.NotFound);
        (await hosts.ContainsAsync(Site, CancellationToken.None)).Should().BeFalse();
        (await rig.TryServeAsync("amy", [Site], session: "desktop")).Answer.Error!.Gate.Should().Be("domain");
        rig.Dns.Set(name, value);
        (await rig.TryServeAsync("amy", [Site], session: "desktop")).Answer.Error.Should().BeNull();
    }

    [Theory]
    [InlineData(Site, false)]
    [InlineData(Site, true)]
    [InlineData("*.cat1.example.com", false)]
    public async Task Who_proves_a_domain_gets_it_when_who_had_it_reserved_proves_it_no_more(string name, bool isReleased)
    {
        await using var rig = await NameRig.StartAsync();
        var (record, amys) = RecordOf((await rig.TryServeAsync("amy", [Site])).Answer.Error!);
        rig.Dns.Set(record, amys);
        (await rig.ReserveAsync("amy", Site)).Should().BeNull();
        await QueuedNamesTests.QueueAsync(rig, "amy", Site);
        if (isReleased)
        {
            await rig.Reservations.ReleaseAsync("amy", Site, _ => true, CancellationToken.None);
        }

        var (_, bens) = RecordOf((await rig.TryServeAsync("ben", [Site])).Answer.Error!);
        rig.Dns.Set(record, amys, bens);
        (await rig.TryServeAsync("ben", [name])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code, "both prove it, and she was first");
        rig.Dns.IsBroken = true;
        (await rig.TryServeAsync("ben", [name])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code, "a DNS server that is away says nothing");
        rig.Dns.IsBroken = false;
        rig.Dns.Set(record, bens);

        (await rig.ReserveAsync("ben", Site)).Should().BeNull();
        (await rig.TryServeAsync("ben", [name])).Answer.Error.Should().BeNull();
        rig.Reservations.List("amy").Should().BeEmpty();
        rig.Dns.Set(record, amys, bens);
        (await rig.ReserveAsync("amy", Site))!.Code.Should().Be(Errors.NameTaken.Code, "he was first this time");
    }

    [Fact]
    public async Task Who_proves_a_domain_gets_it_from_who_still_serves_it_and_proves_it_no_more()
    {
        await using var rig = await NameRig.StartAsync();
        var (record, amys) = RecordOf((await rig.TryServeAsync("amy", [Site])).Answer.Error!);
        rig.Dns.Set(record, amys);
        await rig.TryServeAsync("amy", ["*.cat1.example.com", Site]);
        var (_, bens) = RecordOf((await rig.TryServeAsync("ben", [Site])).Answer.Error!);
        rig.Dns.Set(record, amys, bens);
        (await rig.TryServeAsync("ben", [Site])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.ReserveAsync("ben", Site))!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.VisitAsync(Site)).Body.Should().Be("amy");

        rig.Dns.Set(record, bens);
        (await rig.TryServeAsync("ben", [Site])).Answer.Error.Should().BeNull();

        (await rig.VisitAsync(Site)).Status.Should().Be(HttpStatusCode.NotFound, "it changes hands");
        rig.Time.Advance(TimeSpan.FromSeconds(30));
        (await rig.VisitAsync(Site)).Body.Should().Be("ben");
        (await rig.TryServeAsync("amy", [Site], session: "desktop")).Answer.Error!.Gate.Should().Be("domain");
        rig.Dns.Set(record, amys);
        (await rig.ReserveAsync("amy", Site)).Should().BeNull("and back");
        (await rig.VisitAsync(Site)).Status.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_dns_server_that_is_away_is_no_refusal_and_failed_proofs_are_counted_as_claims()
    {
        await using var rig = await NameRig.StartAsync(o => o.Limits.NameClaims = 2);
        rig.Dns.IsBroken = true;
        (await rig.TryServeAsync("amy", [Site])).Answer.Error!.Code.Should().Be(Errors.Unavailable.Code);

        rig.Dns.IsBroken = false;
        await rig.TryServeAsync("amy", [Site]);
        await rig.TryServeAsync("amy", ["cat2.example.com"]);
        var asked = rig.Dns.Asked;

        (await rig.TryServeAsync("amy", ["cat3.example.com"])).Answer.Error!.Limit.Should().Be("name_claims");
        rig.Dns.Asked.Should().Be(asked, "nobody makes us ask the DNS for one name after the other");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task The_services_own_names_and_what_is_above_them_or_above_the_domain_are_nobodys()
    {
        await using var rig = await NameRig.StartAsync(o =>
        {
            o.Url = new Uri("https://hub.service.example/");
            o.Pipes.Url = "http://*.pipes.example.org:0";
            o.Pipes.Domains["*.*"] = new DomainOptions { Clients = { "*" } };
        });

        foreach (var name in (string[])["hub.service.example", "service.example", "*.service.example", "*.hub.service.example", "pipes.example.org", "example.org", "*.example.org"])
        {
            (await rig.TryServeAsync("amy", [name])).Answer.Error!.Code.Should().Be(Errors.InvalidPipe.Code, name);
        }

        (await rig.TryServeAsync("amy", ["other.example"])).Answer.Error.Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task A_name_on_the_services_own_site_is_given_by_the_operator_or_not_at_all()
    {
        await using var rig = await NameRig.StartAsync(o =>
        {
            o.Url = new Uri("https://hub.service.example/");
            o.Pipes.Domains["given.service.example"] = new DomainOptions { Clients = { "amy" } };
        });

        (await rig.TryServeAsync("amy", ["proven.service.example"])).Answer.Error!.Sentence.Should().Contain("service's own site, service.example");
        (await rig.TryServeAsync("amy", ["given.service.example"])).Answer.Error.Should().BeNull();
    }

    [Theory]
    [InlineData("resolver", null)]
    [InlineData("127.0.0.1", "127.0.0.1:53")]
    [InlineData("127.0.0.1:5353", "127.0.0.1:5353")]
    [InlineData("::1", "[::1]:53")]
    [InlineData("[::1]:5353", "[::1]:5353")]
    public void A_resolver_is_an_address_with_or_without_a_port(string text, string? read)
    {
        DomainDns.Read(text)?.ToString().Should().Be(read);
        var options = new DuplexityOptions { Pipes = { Resolver = text } };
        new DomainOptionsCheck().Validate(null, options).Failed.Should().Be(read is null);
    }

    [Fact]
    public void A_domain_that_means_nothing_stops_the_start_and_is_named()
    {
        var options = new DuplexityOptions();
        options.Pipes.Domains["example"] = new DomainOptions { Clients = { "amy" } };
        options.Pipes.Domains["*.example.com"] = new DomainOptions();

        new DomainOptionsCheck().Validate(null, options).Failures.Should().HaveCount(2).And.Contain(f => f.Contains("Domains:*.example.com "));
    }

    private static (string Name, string Value) RecordOf(DuplexityError error)
    {
        var match = Told().Match(error.Sentence);
        match.Success.Should().BeTrue(error.Sentence);
        return (match.Groups[1].Value, match.Groups[2].Value);
    }

    [GeneratedRegex(@"TXT record at (_duplexity\.\S+) with the value (duplexity=[0-9a-f]{40}) ")]
    private static partial Regex Told();
}
