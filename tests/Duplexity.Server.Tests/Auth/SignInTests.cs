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
        await using var node = await SignInRig.StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
        using var browser = new BrowserRobot();

        await browser.OpenAsync(terminal.Link);
        browser.Page.Should().Contain("amy").And.Contain("test on laptop").And.Contain("127.0.0.1").And.NotContain(terminal.Code);
        terminal.Link.AbsoluteUri.Should().NotContain(terminal.Code);
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.Forbidden, "nobody has typed anything");
        await browser.SubmitAsync(terminal.Code.ToLowerInvariant().Replace("-", " "));
        (await terminal.NextAsync()).GetProperty("event").GetString().Should().Be("approved");
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.NoContent);
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
        await using var node = await SignInRig.StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node.Http, port: 51234);
        using var browser = new BrowserRobot();

        await browser.OpenAsync(terminal.Link, stop: uri => uri.Port == 51234);
        var grant = HttpUtility.ParseQueryString(browser.SentTo!.Query)["grant"];

        browser.SentTo.Host.Should().Be("127.0.0.1");
        (await terminal.ProveAsync(grant: "guessed")).Should().Be(HttpStatusCode.Forbidden);
        (await terminal.ProveAsync(grant, verifier: new string('v', 43))).Should().Be(HttpStatusCode.Forbidden, "only who asked has the verifier");
        (await terminal.ProveAsync(grant)).Should().Be(HttpStatusCode.NoContent);
        (await terminal.NextAsync()).GetProperty("client").GetString().Should().Be("amy");
        (await terminal.ProveAsync(grant)).Should().Be(HttpStatusCode.Forbidden, "once");
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    public async Task A_person_who_takes_minutes_is_waited_for_and_the_program_hears_of_all_that_follows()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => (s.Time, s.Options) = (time, o => o.Times.SignIn = TimeSpan.FromDays(1)));
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
        using var browser = new BrowserRobot();
        var waited = 0;
        terminal.Waiting += () => Interlocked.Increment(ref waited);
        var next = terminal.NextAsync();
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return Task.FromResult(Volatile.Read(ref waited));
            },
            times => times >= 3);

        await browser.OpenAsync(terminal.Link);
        await browser.SubmitAsync(terminal.Code);

        (await next).GetProperty("event").GetString().Should().Be("approved");
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.NoContent);
        (await terminal.NextAsync()).GetProperty("client").GetString().Should().Be("amy");
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task Who_mails_the_link_gets_nothing_from_a_victim_who_only_opens_it()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Time = time);
        await using var attacker = await WaitingProgram.StartAsync(node.Http);
        using var victim = new BrowserRobot().As("victim", provider);

        await victim.OpenAsync(attacker.Link);
        (await attacker.ProveAsync()).Should().Be(HttpStatusCode.Forbidden);
        var next = attacker.NextAsync();
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(15));
                return Task.FromResult(next.IsCompleted);
            },
            isTold => isTold);
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
        await using var node = await SignInRig.StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
        await using var other = await WaitingProgram.StartAsync(node.Http);
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
        await using var node = await SignInRig.StartAsync(provider, s => s.Options = o => o.Limits.SignInsPerAddress = 100);
        using var browser = new BrowserRobot();
        for (var i = 0; i < 20; i++)
        {
            await using var terminal = await WaitingProgram.StartAsync(node.Http);
            await browser.OpenAsync(terminal.Link);
            await browser.SubmitAsync("wrong");
        }

        await using var last = await WaitingProgram.StartAsync(node.Http);
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
        await using var node = await SignInRig.StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
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
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Requirement", "2.7")]
    [Trait("Requirement", "2.19")]
    public async Task Two_hundred_sign_ins_at_once_all_end_right_and_none_crosses_another()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Options = o => o.Limits.SignInsPerAddress = 1000);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            await using var terminal = await WaitingProgram.StartAsync(node.Http);
            using var browser = new BrowserRobot().As($"person{i}", provider);
            await browser.OpenAsync(terminal.Link);
            await browser.SubmitAsync(terminal.Code);
            await terminal.NextAsync();
            (await terminal.ProveAsync()).Should().Be(HttpStatusCode.NoContent);
            (await terminal.NextAsync()).GetProperty("client").GetString().Should().Be($"person{i}");
        })).Soon(TestTimeout.Long);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Sign_ins_that_wait_are_bounded_per_address()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Options = o => o.Limits.SignInsPerAddress = 2);
        await using var first = await WaitingProgram.StartAsync(node.Http);
        await using var second = await WaitingProgram.StartAsync(node.Http);

        var third = await node.Invoking(n => WaitingProgram.StartAsync(n.Http)).Should().ThrowAsync<HttpRequestException>();

        third.Which.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        third.Which.Message.Should().Contain("sign_ins_per_address");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_a_program_calls_itself_is_text_on_the_page_and_the_page_is_framed_by_nobody()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node.Http, program: "<script>alert(1)</script>\u202e\u001b[31m" + new string('x', 5000));
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
        await using var node = await SignInRig.StartAsync(provider, s => s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1");
        await using var plain = await SignInRig.StartAsync(provider);
        foreach (var (at, shown) in new[] { (node, "203.0.113.7"), (plain, "127.0.0.1") })
        {
            at.Http.DefaultRequestHeaders.Add("X-Forwarded-For", "198.51.100.1, 203.0.113.7");
            await using var terminal = await WaitingProgram.StartAsync(at.Http);
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
}
