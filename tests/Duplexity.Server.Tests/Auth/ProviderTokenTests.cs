using System.Net;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Access tokens that the provider itself made for this service: a page or a program that has one needs no other (G19).</summary>
[Trait("Guarantee", "G19")]
public sealed class ProviderTokenTests
{
    private const string Audience = "hub";

    [Fact]
    [Trait("Requirement", "2.19")]
    public async Task A_providers_access_token_for_this_service_is_the_same_person_as_the_one_who_signs_in_there_also_with_the_provider_away()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Settings["Duplexity:Auth:Oidc:RolesClaim"] = "groups");
        var hub = new Uri(node.Address, "data");

        var signedIn = await SignInRig.SignInAsync(node, provider, "amy");
        var own = signedIn.GetProperty("access_token").GetString()!;
        var direct = provider.AccessToken("amy", Audience, claims: ("groups", new[] { "admin" }));
        await using var first = await StockSocket.ConnectAsync(hub, own);
        await using var second = await StockSocket.ConnectAsync(hub, direct);
        provider.IsAway = true;
        await using var third = await StockSocket.ConnectAsync(hub, provider.AccessToken("ben", Audience, type: "JWT"));

        first.Welcome.Clients.Should().Equal("amy");
        second.Welcome.Clients.Should().Equal("amy");
        second.Welcome.Identities![0].Allowances.Administer.Should().Equal("*");
        third.Welcome.Clients.Should().Equal("ben");
    }

    [Fact]
    public async Task A_program_that_the_provider_knows_by_a_persons_name_is_not_the_person_and_none_is_the_nodes_own_voice()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);

        (await WhoAsync(node, provider.AccessToken("amy", Audience))).Should().Be("amy");
        (await WhoAsync(node, provider.AccessToken("amy", Audience, claims: ("client_id", "amy")))).Should().Be("service:amy");
        (await WhoAsync(node, provider.AccessToken("amy", Audience, claims: ("azp", "amy")))).Should().Be("service:amy");
        (await WhoAsync(node, provider.AccessToken("service:amy", Audience))).Should().BeNull("a person's name spells no program");
        foreach (var own in (string[])["app", "lockspace"])
        {
            (await WhoAsync(node, provider.AccessToken(own, Audience, claims: ("client_id", own)))).Should().BeNull(own);
        }
    }

    [Fact]
    public async Task Its_id_tokens_and_what_it_made_for_others_open_nothing()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var alike = await StartAsync(provider, s => s.Settings["Duplexity:Auth:Audience"] = "duplexity");
        var signedIn = await SignInRig.SignInAsync(node, provider, "amy");
        var (_, refreshed) = await SignInRig.RefreshAsync(node, signedIn);

        (await WhoAsync(node, provider.AccessToken("amy", Audience))).Should().Be("amy");
        foreach (var (what, token) in new[]
        {
            ("for another service", provider.AccessToken("amy", "billing")),
            ("an ID token, with its nonce", signedIn.GetProperty("id_token").GetString()!),
            ("an ID token of a refresh, which says by nothing that it is one", refreshed.GetProperty("id_token").GetString()!),
            ("for the client and the service, by no type an access token", provider.AccessToken("amy", Audience, type: "JWT", ("aud", new[] { Audience, "duplexity" }))),
            ("an ID token by its own word", provider.AccessToken("amy", Audience, type: "JWT", ("typ", "ID"))),
            ("expired", provider.AccessToken("amy", Audience, claims: ("exp", DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeSeconds()))),
            ("of another issuer with the same key", provider.AccessToken("amy", Audience, claims: ("iss", "https://evil.example"))),
        })
        {
            (await WhoAsync(node, token)).Should().BeNull(what);
        }

        // Where the service is its own audience, the type alone tells the two apart.
        (await WhoAsync(alike, refreshed.GetProperty("id_token").GetString()!)).Should().BeNull();
        (await WhoAsync(alike, provider.AccessToken("amy", "duplexity", type: "JWT"))).Should().BeNull();
        (await WhoAsync(alike, provider.AccessToken("amy", "duplexity"))).Should().Be("amy");
    }

    [Fact]
    public async Task A_key_that_the_provider_has_just_changed_to_is_looked_for_at_most_once_a_minute()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Time = time);

        (await WhoAsync(node, provider.AccessToken("amy", Audience))).Should().Be("amy");
        provider.ChangeKey("k2");
        (await WhoAsync(node, provider.AccessToken("amy", Audience))).Should().BeNull("the minute is not over");
        time.Advance(TimeSpan.FromMinutes(1));
        (await WhoAsync(node, provider.AccessToken("amy", Audience))).Should().Be("amy");
    }

    [Fact]
    public async Task Audience_and_the_claim_that_is_the_client_hold_for_all_issuers_alike()
    {
        await using var provider = await TestProvider.StartAsync();
        provider.Lie = claims => claims["oid"] = "7f3";
        var issuer = new TestIssuer(audience: Audience);
        await using var node = await StartAsync(provider, s =>
        {
            s.Settings["Duplexity:Auth:CidClaim"] = "oid";
            s.Settings["Duplexity:Auth:Oidc:Prefix"] = "p-";
            s.Settings["Duplexity:Auth:Keys:app:Issuer"] = issuer.Issuer;
            s.Settings["Duplexity:Auth:Keys:app:Secret"] = issuer.Secret;
            s.Settings["Duplexity:Auth:Keys:app:Prefix"] = "app-";
        });
        var (now, hour) = (DateTimeOffset.UtcNow, TimeSpan.FromHours(1));

        (await SignInRig.SignInAsync(node, provider, "amy")).GetProperty("client").GetString().Should().Be("p-7f3");
        (await WhoAsync(node, provider.AccessToken("amy", Audience, claims: ("oid", "7f3")))).Should().Be("p-7f3");
        (await WhoAsync(node, issuer.Token("amy", now, hour, ("oid", "7f3")))).Should().Be("app-7f3");
        (await WhoAsync(node, issuer.Token("amy", now, hour))).Should().BeNull("it does not say who that is");
        (await WhoAsync(node, issuer.Token("amy", now, hour, ("oid", "7f3"), ("aud", "duplexity")))).Should().BeNull("it is not for this service");
        (await WhoAsync(node, provider.AccessToken("amy", "duplexity", claims: ("oid", "7f3")))).Should().BeNull("it is not for this service");
    }

    private static Task<TestNode> StartAsync(TestProvider provider, Action<TestNodeSetup>? configure = null) => SignInRig.StartAsync(provider, s =>
    {
        s.Settings["Duplexity:Auth:Audience"] = Audience;
        configure?.Invoke(s);
    });

    /// <summary>Who a token says that somebody is; null where it opens nothing.</summary>
    private static async Task<string?> WhoAsync(TestNode node, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "auth");
        request.Headers.Authorization = new("Bearer", token);
        using var response = await node.Http.SendAsync(request);
        return response.StatusCode == HttpStatusCode.OK ? System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("client").GetString() : null;
    }
}
