using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Credentials without a person: API keys, tokens that an application mints, and the sign-in of the application that the service lives in.</summary>
public sealed class KeyTests
{
    [Fact]
    [Trait("Requirement", "2.4")]
    [Trait("Guarantee", "G19")]
    public async Task A_key_is_shown_once_acts_as_its_client_and_its_removal_ends_its_tokens_at_once()
    {
        await using var node = await TestNode.StartAsync();
        var amy = node.Token("amy");

        var made = await AskAsync(node, HttpMethod.Post, "auth/keys", amy, new { name = "laptop", allowances = new { publish = new[] { "cat1" } } });
        var key = made.Body.GetProperty("key").GetString()!;
        var listed = await AskAsync(node, HttpMethod.Get, "auth/keys", amy);
        var token = await ExchangeAsync(node, key);
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), token.Body.GetProperty("access_token").GetString()!);
        var removed = await AskAsync(node, HttpMethod.Delete, "auth/keys/laptop", amy);

        key.Should().StartWith("dxk_");
        listed.Body.GetProperty("keys")[0].GetProperty("name").GetString().Should().Be("laptop");
        listed.Body.ToString().Should().NotContain(key.Split('.')[1]);
        socket.Welcome.Clients.Should().Equal("amy");
        socket.Welcome.Identities![0].Allowances.Publish.Should().Equal("cat1");
        removed.Status.Should().Be(HttpStatusCode.NoContent);
        (await socket.Disconnected).Code.Should().Be(522);
        (await ExchangeAsync(node, key)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await AskAsync(node, HttpMethod.Delete, "auth/keys/laptop", amy)).Status.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task A_key_can_do_no_more_than_who_made_it_and_makes_no_further_keys()
    {
        await using var node = await TestNode.StartAsync(s => s.Environment = "Production");
        var amy = node.Token("amy", null, ("duplexity", new { send = new[] { "room:*" }, limits = new { messages = 5 } }));
        var admin = node.Token("root", null, ("role", "admin"));

        var wide = await AskAsync(node, HttpMethod.Post, "auth/keys", amy, new { name = "wide", allowances = new { send = new[] { "room:a", "client:*" }, publish = new[] { "*" }, administer = new[] { "*" }, limits = new { messages = 50 } } });
        var service = await AskAsync(node, HttpMethod.Post, "auth/keys", admin, new { name = "ci", client = "service:ci" });
        var foreign = await AskAsync(node, HttpMethod.Post, "auth/keys", amy, new { name = "x", client = "ben" });
        var fromKey = (await ExchangeAsync(node, wide.Body.GetProperty("key").GetString()!)).Body.GetProperty("access_token").GetString()!;
        var further = await AskAsync(node, HttpMethod.Post, "auth/keys", fromKey, new { name = "more" });
        var serviceToken = await ExchangeAsync(node, service.Body.GetProperty("key").GetString()!);

        var given = wide.Body.GetProperty("allowances").Deserialize<Allowances>(JsonSerializerOptions.Web)!;
        given.Send.Should().Equal("room:a");
        given.Publish.Should().BeEmpty();
        given.Administer.Should().BeEmpty();
        given.Limits!.Messages.Should().Be(5);
        foreign.Status.Should().Be(HttpStatusCode.Forbidden);
        further.Status.Should().Be(HttpStatusCode.Forbidden);
        serviceToken.Body.GetProperty("client").GetString().Should().Be("service:ci");
        service.Body.GetProperty("allowances").GetProperty("administer").GetArrayLength().Should().Be(0);
    }

    [Theory]
    [InlineData("dxk_key-unknown.secret")]
    [InlineData("dxk_")]
    [InlineData("")]
    [InlineData("password")]
    public async Task What_is_no_key_is_refused_alike(string key)
    {
        await using var node = await TestNode.StartAsync();

        var answer = await ExchangeAsync(node, key);

        answer.Status.Should().Be(HttpStatusCode.Unauthorized);
        answer.Body.GetProperty("error").GetProperty("sentence").GetString().Should().Be("The key is not good, or not any more.");
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task Keys_and_sign_ins_of_before_end_with_a_revocation_of_their_client()
    {
        await using var node = await TestNode.StartAsync();
        var made = await AskAsync(node, HttpMethod.Post, "auth/keys", node.Token("amy"), new { name = "laptop" });

        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        (await ExchangeAsync(node, made.Body.GetProperty("key").GetString()!)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task An_application_mints_tokens_for_whom_it_may_administer_and_gives_no_more_than_it_has()
    {
        await using var node = await TestNode.StartAsync(s => s.Environment = "Production");
        var backEnd = node.Token("backend", null, ("duplexity", new { administer = new[] { "client:shop-*" }, send = new[] { "room:*" } }));

        var minted = await AskAsync(node, HttpMethod.Post, "api/tokens", backEnd, new { client = "shop-amy", lifetimeSeconds = 60, allowances = new { send = new[] { "room:a", "client:x" }, publish = new[] { "*" } } });
        var foreign = await AskAsync(node, HttpMethod.Post, "api/tokens", backEnd, new { client = "root" });
        var user = await AskAsync(node, HttpMethod.Post, "api/tokens", node.Token("amy"), new { client = "shop-amy" });
        var forever = await AskAsync(node, HttpMethod.Post, "api/tokens", backEnd, new { client = "shop-amy", lifetimeSeconds = 864_000 });
        var nobody = await AskAsync(node, HttpMethod.Post, "api/tokens", null, new { client = "shop-amy" });

        minted.Body.GetProperty("expires_in").GetInt64().Should().Be(60);
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), minted.Body.GetProperty("access_token").GetString()!);
        socket.Welcome.Clients.Should().Equal("shop-amy");
        socket.Welcome.Identities![0].Allowances.Send.Should().Equal("room:a");
        socket.Welcome.Identities[0].Allowances.Publish.Should().BeEmpty();
        foreign.Status.Should().Be(HttpStatusCode.Forbidden);
        user.Status.Should().Be(HttpStatusCode.Forbidden);
        forever.Status.Should().Be(HttpStatusCode.BadRequest);
        nobody.Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    [Trait("Guarantee", "G19")]
    public async Task Who_is_signed_in_to_the_application_gets_a_token_on_its_own_pages_and_its_cookie_opens_no_hub()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.TrustTestIssuer = false;
            s.Environment = "Production";
            s.Options = o => o.Scheme = "Cookies";
            s.Services = services => services.AddAuthentication("Cookies").AddCookie("Cookies");
            s.Application = app => app.MapGet("/sign-in", (HttpContext context) =>
                context.SignInAsync(new ClaimsPrincipal(new ClaimsIdentity([new("sub", "amy"), new(ClaimTypes.Role, "member")], "test"))));
        });
        var cookie = (await node.Http.GetAsync("sign-in")).Headers.GetValues("Set-Cookie").Single().Split(';')[0];
        async Task<(HttpStatusCode Status, JsonElement Body)> SessionAsync(string? site, string? origin = null, string? with = null)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "auth/session");
            request.Headers.Add("Cookie", with ?? cookie);
            if (site is not null)
            {
                request.Headers.Add("Sec-Fetch-Site", site);
            }

            if (origin is not null)
            {
                request.Headers.Add("Origin", origin);
            }

            using var response = await node.Http.SendAsync(request);
            return (response.StatusCode, response.StatusCode == HttpStatusCode.OK ? await response.Content.ReadFromJsonAsync<JsonElement>() : default);
        }

        var own = await SessionAsync("same-origin");
        var old = await SessionAsync(null, node.Address.GetLeftPart(UriPartial.Authority));
        var hub = new HttpRequestMessage(HttpMethod.Get, "data") { Headers = { { "Cookie", cookie } } };

        own.Body.GetProperty("client").GetString().Should().Be("amy");
        old.Status.Should().Be(HttpStatusCode.OK);
        foreach (var (site, origin) in new[] { ("cross-site", (string?)null), ("same-site", null), ("none", null), (null, null), (null, "https://evil.example") })
        {
            (await SessionAsync(site, origin)).Status.Should().Be(HttpStatusCode.Forbidden, $"{site} {origin}");
        }

        (await SessionAsync("same-origin", with: "a=b")).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await node.Http.SendAsync(hub)).StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), own.Body.GetProperty("access_token").GetString()!);
        socket.Welcome.Clients.Should().Equal("amy");
    }

    [Fact]
    [Trait("Requirement", "1.3")]
    [Trait("Guarantee", "G18")]
    public async Task Signing_keys_are_kept_sealed_and_outlive_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        void Setup(TestNodeSetup s) => (s.Environment, s.Settings["Duplexity:Data"]) = ("Production", folder.FullName);
        string token;
        await using (var first = await TestNode.StartAsync(Setup))
        {
            token = first.Services.GetRequiredService<IDuplexity>().CreateToken("amy", TimeSpan.FromHours(1));
        }

        await using (var second = await TestNode.StartAsync(Setup))
        {
            await using var socket = await StockSocket.ConnectAsync(new Uri(second.Address, "data"), token);
            socket.Welcome.Clients.Should().Equal("amy");
        }

        var kept = await File.ReadAllBytesAsync(Path.Combine(folder.FullName, "records.db"));
        System.Text.Encoding.Latin1.GetString(kept).Should().NotContain("PRIVATE KEY");
        folder.Delete(recursive: true);
    }

    private static Task<(HttpStatusCode Status, JsonElement Body)> ExchangeAsync(TestNode node, string key) => AskAsync(node, HttpMethod.Post, "auth/token", null, new { key });

    private static async Task<(HttpStatusCode Status, JsonElement Body)> AskAsync(TestNode node, HttpMethod method, string path, string? token, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var response = await node.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text) : default);
    }
}
