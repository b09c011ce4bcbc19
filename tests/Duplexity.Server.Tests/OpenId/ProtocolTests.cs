using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Web;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>The provider as other programs meet it, registered ones and others.</summary>
public sealed class ProtocolTests
{
    private const string Secret = "a wiki's secret of 32 characters and more";
    private const string Back = "https://wiki.example.org/back";

    private static readonly string Verifier = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    [Fact]
    [Trait("Requirement", "2.7")]
    [Trait("Requirement", "2.19")]
    public async Task Two_hundred_sign_ins_at_once_all_end_right_and_none_crosses_another()
    {
        await using var node = await OpenIdNode.StartAsync(s => s.Options = o => o.Limits.SignInsPerAddress = 1000);
        for (var i = 0; i < 20; i++)
        {
            await node.AddAsync($"person{i}");
        }

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
            (await node.SignInAsync($"person{i % 20}")).GetProperty("client").GetString().Should().Be($"person{i % 20}"))).Soon(TestTimeout.Long);
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    [Trait("Requirement", "2.7")]
    public async Task Another_program_gets_to_know_a_person_who_says_yes_and_is_not_asked_about_again()
    {
        await using var node = await StartAsync();
        using var person = new Person();

        await person.OpenAsync(Authorize(node), stop: IsBack);
        person.Page.Should().Contain("Sign in");
        await person.SignInAsync("amy", OpenIdNode.Password, stop: IsBack);
        person.Page.Should().Contain("The Wiki wants to sign you in").And.Contain("wiki.example.org").And.Contain("amy");
        await person.SubmitAsync([("answer", "no")], stop: IsBack);
        Query(person)["error"].Should().Be("access_denied");
        await person.OpenAsync(Authorize(node), stop: IsBack);
        await person.SubmitAsync([("answer", "yes")], stop: IsBack);
        var code = Query(person)["code"]!;
        Query(person)["state"].Should().Be("state1");

        var (_, tokens) = await RedeemAsync(node, code);
        var id = new JsonWebToken(tokens.GetProperty("id_token").GetString());
        (id.Subject, id.Audiences.Single()).Should().Be(("amy", "wiki"));
        id.TryGetClaim("roles", out _).Should().BeFalse("it did not ask for them");
        await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Node.Address, "data"), id.EncodedToken)).Should().ThrowAsync<Exception>().WithMessage("*401*");
        await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Node.Address, "data"), tokens.GetProperty("access_token").GetString()!)).Should().ThrowAsync<Exception>().WithMessage("*401*");

        (await RedeemAsync(node, code)).Status.Should().Be(HttpStatusCode.BadRequest, "a code is good once");
        await person.OpenAsync(Authorize(node), stop: IsBack);
        Query(person)["code"].Should().NotBeNull();
        await person.OpenAsync(Authorize(node, ("prompt", "login")), stop: IsBack);
        person.Page.Should().Contain("Password");
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    [Trait("Guarantee", "G1")]
    public async Task Codes_go_to_registered_addresses_only_and_need_pkce_and_the_secret()
    {
        await using var node = await StartAsync();
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        await person.SignInAsync("amy", OpenIdNode.Password);

        foreach (var wrong in new (string, string?)[][]
        {
            [("redirect_uri", "https://evil.example/")], [("redirect_uri", Back + "/more")], [("redirect_uri", null)], [("client_id", "unknown")],
            [("client_id", "duplexity"), ("redirect_uri", "https://evil.example/auth/callback")], [("client_id", "duplexity"), ("redirect_uri", $"http://localhost:{node.Node.Port + 1}/auth/callback")],
        })
        {
            await person.OpenAsync(Authorize(node, wrong), stop: _ => true);
            person.SentTo.Should().BeNull();
            person.Status.Should().Be(HttpStatusCode.BadRequest);
        }

        foreach (var wrong in new (string, string?)[][] { [("code_challenge", null)], [("code_challenge_method", "plain")], [("response_type", "token")] })
        {
            await person.OpenAsync(Authorize(node, wrong), stop: IsBack);
            Query(person)["code"].Should().BeNull();
            (Query(person)["error"] ?? person.Page).Should().ContainAny("invalid_request", "unsupported", "may not ask");
        }

        await person.OpenAsync(Authorize(node), stop: IsBack);
        await person.SubmitAsync([("answer", "yes")], stop: IsBack);
        (await RedeemAsync(node, Query(person)["code"]!, verifier: new string('v', 43))).Status.Should().Be(HttpStatusCode.BadRequest);
        await person.OpenAsync(Authorize(node), stop: IsBack);
        (await RedeemAsync(node, Query(person)["code"] ?? "", secret: "another secret of 32 characters or more")).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Requirement", "2.7")]
    public async Task A_program_that_may_not_ask_the_person_is_told_so_and_one_that_is_taken_out_of_the_settings_is_gone()
    {
        var data = Directory.CreateTempSubdirectory("duplexity-data-");
        await using (var node = await StartAsync(data.FullName))
        {
            using var person = new Person();
            await person.OpenAsync(Authorize(node, ("prompt", "none")), stop: IsBack);
            Query(person)["error"].Should().Be("login_required");
            await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
            await person.SignInAsync("amy", OpenIdNode.Password);
            await person.OpenAsync(Authorize(node, ("prompt", "none")), stop: IsBack);
            Query(person)["error"].Should().Be("consent_required");
        }

        await using (var node = await OpenIdNode.StartAsync(s => s.Settings["Duplexity:Data"] = data.FullName))
        {
            using var person = new Person();
            await person.OpenAsync(Authorize(node), stop: _ => true);
            person.Status.Should().Be(HttpStatusCode.BadRequest);
        }

        data.Delete(recursive: true);
    }

    private static async Task<OpenIdNode> StartAsync(string data = "data")
    {
        var node = await OpenIdNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Data"] = data;
            s.Settings["Duplexity:OpenId:Clients:wiki:Name"] = "The Wiki";
            s.Settings["Duplexity:OpenId:Clients:wiki:Secret"] = Secret;
            s.Settings["Duplexity:OpenId:Clients:wiki:Redirects:0"] = Back;
        });
        await node.AddAsync("amy", roles: "developers");
        return node;
    }

    private static bool IsBack(Uri uri) => uri.Host == "wiki.example.org";

    private static System.Collections.Specialized.NameValueCollection Query(Person person) => HttpUtility.ParseQueryString(person.SentTo?.Query ?? "");

    private static Uri Authorize(OpenIdNode node, params (string Name, string? Value)[] changes)
    {
        var query = new Dictionary<string, string?>
        {
            ["client_id"] = "wiki",
            ["redirect_uri"] = Back,
            ["response_type"] = "code",
            ["scope"] = "openid",
            ["state"] = "state1",
            ["code_challenge"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier))),
            ["code_challenge_method"] = "S256",
        };
        foreach (var (name, value) in changes)
        {
            query[name] = value;
        }

        return new Uri(QueryHelpers.AddQueryString(new Uri(node.OpenId, "authorize").AbsoluteUri, query.Where(p => p.Value is not null)));
    }

    private static async Task<(HttpStatusCode Status, JsonElement Tokens)> RedeemAsync(OpenIdNode node, string code, string? verifier = null, string secret = Secret)
    {
        using var response = await node.Node.Http.PostAsync("openid/token", new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["client_id"] = "wiki",
            ["client_secret"] = secret,
            ["code"] = code,
            ["redirect_uri"] = Back,
            ["code_verifier"] = verifier ?? Verifier,
        }));
        return (response.StatusCode, JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync()));
    }
}
