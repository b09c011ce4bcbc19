using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Signing in through a provider: the person gets in, the terminal gets the tokens, and whoever mailed the link gets nothing (G1).</summary>
public sealed class SignInTests
{
    [Fact]
    [Trait("Requirement", "2.5")]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G1")]
    public async Task A_person_who_types_the_code_connects_the_terminal_that_shows_it()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node);
        using var browser = new BrowserRobot();

        await browser.OpenAsync(terminal.Link);
        browser.Page.Should().Contain("amy").And.Contain("test on laptop").And.Contain("127.0.0.1").And.NotContain(terminal.Code);
        terminal.Link.AbsoluteUri.Should().NotContain(terminal.Code);
        (await terminal.ProveAsync(node)).Should().Be(HttpStatusCode.Forbidden, "nobody has typed anything");
        await browser.SubmitAsync(terminal.Code.ToLowerInvariant().Replace("-", " "));
        (await terminal.NextAsync()).GetProperty("event").GetString().Should().Be("approved");
        (await terminal.ProveAsync(node)).Should().Be(HttpStatusCode.NoContent);
        var tokens = await terminal.NextAsync();

        browser.Page.Should().Contain("Connected");
        tokens.GetProperty("client").GetString().Should().Be("amy");
        new JsonWebToken(tokens.GetProperty("id_token").GetString()).Issuer.Should().Be(provider.Issuer);
        var access = new JsonWebToken(tokens.GetProperty("access_token").GetString());
        access.Subject.Should().Be("amy");
        (access.ValidTo - access.IssuedAt).Should().Be(TimeSpan.FromMinutes(10));
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), access.EncodedToken);
        socket.Welcome.Clients.Should().Equal("amy");
        await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, "data"), tokens.GetProperty("id_token").GetString()!)).Should().ThrowAsync<Exception>().WithMessage("*401*");
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task The_persons_own_browser_brings_the_grant_to_the_machine_that_waits()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node, port: 51234);
        using var browser = new BrowserRobot();

        await browser.OpenAsync(terminal.Link, stop: uri => uri.Port == 51234);
        var grant = HttpUtility.ParseQueryString(browser.SentTo!.Query)["grant"];

        browser.SentTo.Host.Should().Be("127.0.0.1");
        (await terminal.ProveAsync(node, grant: "guessed")).Should().Be(HttpStatusCode.Forbidden);
        (await terminal.ProveAsync(node, grant, verifier: new string('v', 43))).Should().Be(HttpStatusCode.Forbidden, "only who asked has the verifier");
        (await terminal.ProveAsync(node, grant)).Should().Be(HttpStatusCode.NoContent);
        (await terminal.NextAsync()).GetProperty("client").GetString().Should().Be("amy");
        (await terminal.ProveAsync(node, grant)).Should().Be(HttpStatusCode.Forbidden, "once");
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task Who_mails_the_link_gets_nothing_from_a_victim_who_only_opens_it()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Time = time);
        await using var attacker = await WaitingProgram.StartAsync(node);
        using var victim = new BrowserRobot().As("victim", provider);

        await victim.OpenAsync(attacker.Link);
        (await attacker.ProveAsync(node)).Should().Be(HttpStatusCode.Forbidden);
        var next = attacker.NextAsync();
        for (var i = 0; i < 50; i++)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            await Task.Yield();
        }

        var told = await next;
        told.GetProperty("event").GetString().Should().Be("failed");
        told.ToString().Should().NotContain("token\"");
        await victim.SubmitAsync(attacker.Code);
        victim.Status.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task The_fifth_wrong_code_ends_that_sign_in_only()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node);
        await using var other = await WaitingProgram.StartAsync(node);
        using var browser = new BrowserRobot();
        await browser.OpenAsync(terminal.Link);

        for (var i = 0; i < 4; i++)
        {
            await browser.SubmitAsync("BBBB-BBBB");
            browser.Page.Should().Contain("not the code");
        }

        await browser.SubmitAsync("BBBB-BBBC");
        browser.Status.Should().Be(HttpStatusCode.Gone);
        (await terminal.NextAsync()).GetProperty("event").GetString().Should().Be("failed");

        await browser.OpenAsync(other.Link);
        await browser.SubmitAsync(other.Code);
        browser.Page.Should().Contain("Connected");
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task Twenty_wrong_codes_from_an_address_are_enough()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Options = o => o.Limits.SignInsPerAddress = 100);
        using var browser = new BrowserRobot();
        for (var i = 0; i < 20; i++)
        {
            await using var terminal = await WaitingProgram.StartAsync(node);
            await browser.OpenAsync(terminal.Link);
            await browser.SubmitAsync("wrong");
        }

        await using var last = await WaitingProgram.StartAsync(node);
        await browser.OpenAsync(last.Link);
        await browser.SubmitAsync(last.Code);

        browser.Status.Should().Be(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    [Trait("Guarantee", "G1")]
    public async Task A_callback_is_good_once_and_in_the_browser_that_left_and_a_foreign_page_types_no_code()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node);
        using var browser = new BrowserRobot();
        using var thief = new BrowserRobot();

        await browser.OpenAsync(terminal.Link, stop: uri => uri.AbsolutePath == "/auth/callback");
        var callback = browser.SentTo!;
        await thief.OpenAsync(callback);
        thief.Status.Should().Be(HttpStatusCode.BadRequest);
        await browser.OpenAsync(callback);
        browser.Status.Should().Be(HttpStatusCode.BadRequest, "the state is gone with its first use");
        await browser.OpenAsync(new Uri(node.Address, "auth/callback?code=x&state=made-up"));
        browser.Status.Should().Be(HttpStatusCode.BadRequest);

        await browser.OpenAsync(terminal.Link);
        browser.Page.Should().Contain("Connect a program");
        await browser.SubmitAsync(terminal.Code, origin: "https://evil.example");
        browser.Status.Should().Be(HttpStatusCode.Forbidden);
        (await terminal.ProveAsync(node)).Should().Be(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("issuer")]
    [InlineData("audience")]
    [InlineData("nonce")]
    [InlineData("signature")]
    [InlineData("none")]
    [InlineData("expired")]
    [InlineData("early")]
    [InlineData("key")]
    [InlineData("party")]
    [InlineData("iss parameter")]
    [InlineData("client")]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G19")]
    public async Task An_id_token_that_is_not_right_in_every_way_signs_nobody_in_and_says_no_detail(string what)
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node);
        using var browser = new BrowserRobot();
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        provider.Lie = claims =>
        {
            _ = what switch
            {
                "issuer" => claims["iss"] = "https://evil.example",
                "audience" => claims["aud"] = "another",
                "nonce" => claims["nonce"] = "another",
                "expired" => claims["exp"] = now - 3600,
                "early" => claims["nbf"] = now + 3600,
                "party" => claims["azp"] = "another",
                "client" => claims["sub"] = "service:root",
                _ => null!,
            };
        };
        provider.SaysItIs = what == "iss parameter" ? "https://evil.example" : null;
        provider.Forge = token => what switch
        {
            "signature" => token[..^4] + (token.EndsWith("AAAA", StringComparison.Ordinal) ? "BBBB" : "AAAA"),
            "none" => Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode("""{"alg":"none"}""") + "." + token.Split('.')[1] + ".",
            "key" => Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode("""{"alg":"ES256","kid":"unknown"}""") + "." + token.Split('.')[1] + "." + token.Split('.')[2],
            _ => token,
        };

        await browser.OpenAsync(terminal.Link);

        browser.Status.Should().Be(HttpStatusCode.Forbidden);
        browser.Page.Should().Contain("Not signed in").And.NotContainAny("nonce", "signature", "issuer", "IDX");
        provider.Lie = null;
        (provider.Forge, provider.SaysItIs) = (null, null);
        await browser.OpenAsync(terminal.Link);
        browser.Page.Should().Contain("Connect a program", "the next try is a new one");
    }

    [Fact]
    [Trait("Requirement", "2.7")]
    [Trait("Requirement", "2.19")]
    public async Task Two_hundred_sign_ins_at_once_all_end_right_and_none_crosses_another()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Options = o => o.Limits.SignInsPerAddress = 1000);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            await using var terminal = await WaitingProgram.StartAsync(node);
            using var browser = new BrowserRobot().As($"person{i}", provider);
            await browser.OpenAsync(terminal.Link);
            await browser.SubmitAsync(terminal.Code);
            await terminal.NextAsync();
            (await terminal.ProveAsync(node)).Should().Be(HttpStatusCode.NoContent);
            (await terminal.NextAsync()).GetProperty("client").GetString().Should().Be($"person{i}");
        })).Soon(TestTimeout.Long);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Sign_ins_that_wait_are_bounded_per_address()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Options = o => o.Limits.SignInsPerAddress = 2);
        await using var first = await WaitingProgram.StartAsync(node);
        await using var second = await WaitingProgram.StartAsync(node);

        var third = await node.Invoking(n => WaitingProgram.StartAsync(n)).Should().ThrowAsync<HttpRequestException>();

        third.Which.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        third.Which.Message.Should().Contain("sign_ins_per_address");
    }

    [Fact]
    [Trait("Requirement", "2.19")]
    public async Task With_the_provider_away_only_new_sign_ins_fail_and_a_refresh_can_be_tried_again()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        var tokens = await SignInAsync(node, provider, "amy");
        await using var terminal = await WaitingProgram.StartAsync(node);
        using var browser = new BrowserRobot();

        provider.IsAway = true;
        var away = await RefreshAsync(node, tokens);
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), tokens.GetProperty("access_token").GetString()!);
        provider.IsAway = false;
        var back = await RefreshAsync(node, tokens);

        away.Status.Should().Be(HttpStatusCode.ServiceUnavailable);
        back.Status.Should().Be(HttpStatusCode.OK);
        provider.Refreshes.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_refresh_handle_is_good_once_and_a_stolen_one_ends_the_sign_in_for_both()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Time = time);
        var first = await SignInAsync(node, provider, "amy");
        var second = await RefreshAsync(node, first);
        var lost = await RefreshAsync(node, first);
        time.Advance(TimeSpan.FromSeconds(31));
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), lost.Tokens.GetProperty("access_token").GetString()!);

        var stolen = await RefreshAsync(node, first);

        second.Tokens.GetProperty("refresh_token").GetString().Should().NotBe(first.GetProperty("refresh_token").GetString());
        lost.Status.Should().Be(HttpStatusCode.OK, "its answer may have been lost on the way");
        stolen.Status.Should().Be(HttpStatusCode.Unauthorized);
        (await socket.Disconnected).Code.Should().Be(522);
        (await RefreshAsync(node, lost.Tokens)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task Who_is_disabled_at_the_provider_or_logs_out_is_out()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        var amy = await SignInAsync(node, provider, "amy");
        var ben = await SignInAsync(node, provider, "ben");
        await using var bens = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), ben.GetProperty("access_token").GetString()!);

        provider.Disabled.Add("amy");
        var logout = await node.Http.PostAsJsonAsync("auth/logout", new { refresh_token = ben.GetProperty("refresh_token").GetString() });

        (await RefreshAsync(node, amy)).Status.Should().Be(HttpStatusCode.Unauthorized);
        logout.StatusCode.Should().Be(HttpStatusCode.NoContent);
        (await bens.Disconnected).Code.Should().Be(522);
        (await RefreshAsync(node, ben)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Roles_and_allowances_of_the_provider_reach_the_socket()
    {
        await using var provider = await TestProvider.StartAsync();
        provider.Lie = claims => claims["duplexity"] = new { limits = new { messages = 7 } };
        await using var node = await StartAsync(provider, s => s.Settings["Duplexity:Allowances:member:Join:0"] = "room:members");

        var tokens = await SignInAsync(node, provider, "amy");
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), tokens.GetProperty("access_token").GetString()!);

        socket.Welcome.Identities![0].Allowances.Join.Should().Equal("room:members");
        socket.Welcome.Identities[0].Allowances.Limits!.Messages.Should().Be(7);
    }

    [Fact]
    [Trait("Requirement", "2.5")]
    [Trait("Guarantee", "G5")]
    public async Task A_page_of_a_known_origin_gets_a_code_and_for_it_tokens_and_no_other_page_does()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Settings["Duplexity:Origins:0"] = "https://app.example.org");
        using var browser = new BrowserRobot();
        var verifier = new string('v', 50);
        var challenge = Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(verifier)));
        Uri Ask(string redirect) => new(node.Address, $"auth/authorize?response_type=code&redirect_uri={Uri.EscapeDataString(redirect)}&state=mine&code_challenge={challenge}&code_challenge_method=S256");
        Task<HttpResponseMessage> RedeemAsync(string code, string redirect, string with) => node.Http.PostAsync("auth/token", new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = redirect,
            ["code_verifier"] = with,
        }));

        foreach (var evil in (string[])["https://evil.example/back", "http://app.example.org/back", "https://app.example.org.evil.example/", "https://cat1.localhost/back", "javascript:alert(1)"])
        {
            await browser.OpenAsync(Ask(evil));
            browser.Status.Should().Be(HttpStatusCode.BadRequest, evil);
        }

        await browser.OpenAsync(Ask("https://app.example.org/back"), stop: uri => uri.Host == "app.example.org");
        var answer = HttpUtility.ParseQueryString(browser.SentTo!.Query);
        var wrong = await RedeemAsync(answer["code"]!, "https://app.example.org/back", new string('w', 50));
        await browser.OpenAsync(Ask("https://app.example.org/back"), stop: uri => uri.Host == "app.example.org");
        var code = HttpUtility.ParseQueryString(browser.SentTo!.Query)["code"]!;
        var right = await RedeemAsync(code, "https://app.example.org/back", verifier);
        var twice = await RedeemAsync(code, "https://app.example.org/back", verifier);

        answer["state"].Should().Be("mine");
        wrong.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        (await right.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("client").GetString().Should().Be("amy");
        twice.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_a_program_calls_itself_is_text_on_the_page_and_the_page_is_framed_by_nobody()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node, program: "<script>alert(1)</script>\u202e\u001b[31m" + new string('x', 5000));
        using var browser = new BrowserRobot();

        await browser.OpenAsync(terminal.Link);

        browser.Page.Should().NotContain("<script>").And.NotContain("\u202e").And.NotContain("\u001b");
        browser.Page.Length.Should().BeLessThan(8000);
        browser.Last.Headers.GetValues("Content-Security-Policy").Single().Should().Contain("frame-ancestors 'none'").And.Contain("default-src 'none'");
        browser.Last.Headers.CacheControl!.NoStore.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Behind_the_operators_own_proxy_a_person_is_the_address_that_it_names_and_elsewhere_the_header_is_nothing()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await StartAsync(provider, s => s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1");
        await using var plain = await StartAsync(provider);
        foreach (var (at, shown) in new[] { (node, "203.0.113.7"), (plain, "127.0.0.1") })
        {
            at.Http.DefaultRequestHeaders.Add("X-Forwarded-For", "198.51.100.1, 203.0.113.7");
            await using var terminal = await WaitingProgram.StartAsync(at);
            using var browser = new BrowserRobot();
            await browser.OpenAsync(terminal.Link);
            browser.Page.Should().Contain($"<dd>{shown}</dd>");
        }
    }

    [Fact]
    [Trait("Requirement", "2.5")]
    public async Task Where_nobody_signs_in_it_is_said_and_a_wrong_request_is_told_what_is_right()
    {
        await using var node = await TestNode.StartAsync();

        var providers = await node.Http.GetFromJsonAsync<JsonElement>("auth/providers");
        var none = await node.Http.PostAsJsonAsync("auth", new { challenge = new string('c', 43) });
        var wrong = await node.Http.PostAsJsonAsync("auth", new { challenge = "short" });
        var method = await node.Http.GetAsync("auth/proof");

        providers.GetProperty("signIn").GetBoolean().Should().BeFalse();
        none.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        wrong.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        method.StatusCode.Should().Be(HttpStatusCode.MethodNotAllowed);
        using var pipe = await node.VisitAsync("cat1", "/auth/providers");
        pipe.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    private static Task<TestNode> StartAsync(TestProvider provider, Action<TestNodeSetup>? configure = null) => TestNode.StartAsync(s =>
    {
        s.TrustTestIssuer = false;
        provider.Configure(s.Settings);
        configure?.Invoke(s);
    });

    private static async Task<JsonElement> SignInAsync(TestNode node, TestProvider provider, string client)
    {
        await using var terminal = await WaitingProgram.StartAsync(node);
        using var browser = new BrowserRobot().As(client, provider);
        await browser.OpenAsync(terminal.Link);
        await browser.SubmitAsync(terminal.Code);
        await terminal.NextAsync();
        await terminal.ProveAsync(node);
        return await terminal.NextAsync();
    }

    private static async Task<(HttpStatusCode Status, JsonElement Tokens)> RefreshAsync(TestNode node, JsonElement tokens)
    {
        using var response = await node.Http.PostAsJsonAsync("auth/refresh", new { refresh_token = tokens.GetProperty("refresh_token").GetString() });
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }
}
