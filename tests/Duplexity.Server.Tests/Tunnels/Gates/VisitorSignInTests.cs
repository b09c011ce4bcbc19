using System.Net;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>The way of a person through the sign-in to a pipe, and what of it works elsewhere (G5): nothing.</summary>
[Trait("Requirement", "3.9")]
[Trait("Guarantee", "G5")]
public sealed class VisitorSignInTests
{
    private const string Cookie = "duplexity-visitor";

    [Fact]
    public async Task A_person_signs_in_says_yes_and_comes_to_where_it_wanted_and_the_resource_sees_who_it_is_and_no_cookie_of_ours()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("client:bob");
        using var browser = new BrowserRobot().As("bob", provider);
        browser.Keep(pipe.Url.Authority, "theirs", "stays");

        await browser.OpenAsync(new Uri(pipe.Url, "/a%2Fb?q=1"));

        // Nobody is told anything before the person goes on.
        browser.At.Authority.Should().Be($"localhost:{rig.Node.Port}");
        browser.Page.Should().Contain("cat1.localhost").And.Contain("<strong>amy</strong>").And.Contain("<strong>bob</strong>");
        browser.Last.Headers.GetValues("X-Frame-Options").Should().Equal("DENY");
        await browser.GoOnAsync();

        browser.At.Should().Be(new Uri(pipe.Url, "/a%2Fb?q=1"));
        browser.Page.Should().StartWith("GET /a%2Fb?q=1\n").And.Contain("Cookie: theirs=stays\n").And.NotContain("duplexity-");
        new JsonWebToken(VisitorGateTests.IdentityIn(browser.Page)!).Subject.Should().Be("bob");
        rig.Node.Logs.Lines.Should().NotContain(l => l.Category.StartsWith("Duplexity") && (l.Text.Contains("duplexity-code=") || l.Text.Contains(browser.Cookie(pipe.Url.Authority, Cookie)!)));
    }

    [Fact]
    public async Task Who_is_signed_in_and_not_among_the_visitors_is_told_so_and_not_sent_around()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("client:bob");
        using var browser = new BrowserRobot().As("carl", provider);

        await browser.OpenAsync(pipe.Url);
        await browser.GoOnAsync();

        browser.Status.Should().Be(HttpStatusCode.Forbidden);
        browser.Page.Should().Contain("Not for you");
    }

    [Fact]
    public async Task A_code_is_good_once_and_in_the_browser_alone_that_left_with_it()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("signed-in");
        using var victim = new BrowserRobot().As("bob", provider);
        using var thief = new BrowserRobot().As("carl", provider);

        // The attacker's own way out, opened by the victim: what comes of it is nobody's.
        await thief.OpenAsync(pipe.Url, stop: to => to.AbsolutePath == "/auth/visit");
        await victim.OpenAsync(thief.SentTo!);
        await victim.GoOnAsync();
        victim.Status.Should().Be(HttpStatusCode.Forbidden);
        victim.Cookie(pipe.Url.Authority, Cookie).Should().BeNull();

        // A code that went astray.
        await victim.OpenAsync(pipe.Url);
        var code = System.Text.RegularExpressions.Regex.Match(victim.Page, "id=\"go\" href=\"([^\"]+)\"").Groups[1].Value;
        await thief.OpenAsync(new Uri(WebUtility.HtmlDecode(code)));
        thief.Status.Should().Be(HttpStatusCode.Forbidden);
        thief.Cookie(pipe.Url.Authority, Cookie).Should().BeNull();
        await victim.GoOnAsync();
        victim.Status.Should().Be(HttpStatusCode.Forbidden, "the code was used up by whoever tried it");
    }

    [Fact]
    public async Task The_way_out_goes_to_no_address_that_the_front_did_not_write()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);

        foreach (var at in new[] { "", "https://evil.example/", new string('A', 300) })
        {
            using var answer = await rig.Node.Http.GetAsync($"auth/visit?at={Uri.EscapeDataString(at)}");
            answer.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        }
    }

    [Theory]
    [InlineData("http://evil.localhost", null, null, null, false)]
    [InlineData("null", null, null, null, false)]
    [InlineData(null, "same-site", "no-cors", "image", false)]
    [InlineData(null, "cross-site", "navigate", "iframe", false)]
    [InlineData(null, "cross-site", "navigate", "document", true)]
    [InlineData(null, "same-origin", "cors", "empty", true)]
    [InlineData(null, null, null, null, true)]
    public async Task A_page_of_another_pipe_does_nothing_with_the_visitors_cookie(string? origin, string? site, string? mode, string? destination, bool isLet)
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("signed-in");
        var cookie = await SignInAsync(pipe, provider, "bob");

        var answer = await rig.GetAsync(with: request =>
        {
            GateRig.Cookie(Cookie, cookie)(request);
            foreach (var (name, value) in new[] { ("Origin", origin), ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", destination) })
            {
                if (value is not null)
                {
                    request.Headers.Add(name, value);
                }
            }
        });

        answer.Status.Should().Be(isLet ? HttpStatusCode.OK : HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task The_cookie_opens_no_other_pipe_no_hub_and_nothing_of_the_service()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("signed-in");
        await using var other = await rig.OpenAsync("signed-in", "cat2");
        var cookie = await SignInAsync(pipe, provider, "bob");

        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie))).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(with: GateRig.Cookie("__Host-" + Cookie, cookie))).Text.Should().NotContain("duplexity-visitor");
        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie), name: "cat2")).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.GetAsync(with: GateRig.Cookie(Cookie, Changed(cookie)))).Status.Should().Be(HttpStatusCode.Forbidden);
        foreach (var path in new[] { "auth", "data/negotiate?negotiateVersion=1", "control/negotiate?negotiateVersion=1" })
        {
            using var asked = new HttpRequestMessage(path == "auth" ? HttpMethod.Get : HttpMethod.Post, path);
            asked.Headers.Add("Cookie", $"{Cookie}={cookie}; __Host-{Cookie}={cookie}");
            using var answer = await rig.Node.Http.SendAsync(asked);
            answer.StatusCode.Should().Be(HttpStatusCode.Unauthorized, path);
        }

        using var bearer = new HttpRequestMessage(HttpMethod.Get, "auth") { Headers = { Authorization = new("Bearer", cookie) } };
        using var refused = await rig.Node.Http.SendAsync(bearer);
        refused.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Who_is_revoked_or_disconnected_loses_what_it_was_downloading_and_its_cookie()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("signed-in,bearer");
        var cookie = await SignInAsync(pipe, provider, "bob");
        using var download = await DownloadAsync(rig, GateRig.Cookie(Cookie, cookie));
        using var socket = await HandedOutTests.ConnectAsync(rig, "carl");

        await rig.Node.Services.GetRequiredService<Revocations>().RevokeClientAsync("bob", null, CancellationToken.None).Soon();
        await rig.Node.Services.GetRequiredService<ForcedDisconnects>().CloseAsync("carl", null, TimeSpan.Zero, "the test").Soon();

        await EndOf(download);
        await HandedOutTests.EndOf(socket);
        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie))).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Under_a_wildcard_a_person_signs_in_at_the_host_it_came_to_and_is_known_at_that_host_alone()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await StartAsync(provider);
        await using var pipe = await rig.OpenAsync("client:bob", "*.cat1");
        var host = new Uri($"http://a.cat1.localhost:{rig.Node.Port}/");
        using var browser = new BrowserRobot().As("bob", provider);

        await browser.OpenAsync(new Uri(host, "/x?q=1"));
        browser.Page.Should().Contain("Visit a.cat1.localhost").And.Contain("<strong>amy</strong>");
        await browser.GoOnAsync();

        browser.At.Should().Be(new Uri(host, "/x?q=1"));
        browser.Page.Should().StartWith("GET /x?q=1\n");
        var statement = new JsonWebToken(VisitorGateTests.IdentityIn(browser.Page)!);
        (statement.Subject, statement.Audiences.Single()).Should().Be(("bob", "a.cat1.localhost"));
        var cookie = browser.Cookie(host.Authority, Cookie)!;
        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie), name: "a.cat1")).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie), name: "b.cat1")).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task Who_has_signed_in_at_a_name_is_not_known_to_its_next_owner()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var rig = await GateRig.StartAsync(s =>
        {
            s.TrustTestIssuer = false;
            s.Options = o => o.Times.HandOver = TimeSpan.Zero;
            provider.Configure(s.Settings);
        });
        var pipe = await rig.OpenAsync("signed-in");
        var cookie = await SignInAsync(pipe, provider, "bob");
        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie))).Status.Should().Be(HttpStatusCode.OK);
        await pipe.DisposeAsync();

        await using var ben = await rig.Node.ConnectAsync("ben", o => o with { Token = _ => ValueTask.FromResult<string?>(rig.Token("ben")) });
        await using var bens = await ben.Pipes.OpenAsync("cat1", rig.Resource, new PipeOptions { Visitors = ["signed-in"] }).Soon();

        (await rig.GetAsync(with: GateRig.Cookie(Cookie, cookie))).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Without_a_sign_in_for_people_a_browser_is_refused_in_words()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("signed-in");
        using var browser = new BrowserRobot();

        await browser.OpenAsync(pipe.Url);

        browser.Status.Should().Be(HttpStatusCode.Forbidden);
    }

    private static string Changed(string cookie) => $"{cookie[..^10]}{(cookie[^10] == 'A' ? 'B' : 'A')}{cookie[^9..]}";

    private static Task<GateRig> StartAsync(TestProvider provider) => GateRig.StartAsync(s =>
    {
        s.TrustTestIssuer = false;
        provider.Configure(s.Settings);
    });

    private static async Task<string> SignInAsync(Pipe pipe, TestProvider provider, string client)
    {
        using var browser = new BrowserRobot().As(client, provider);
        await browser.OpenAsync(pipe.Url);
        await browser.GoOnAsync();
        browser.Status.Should().Be(HttpStatusCode.OK);
        return browser.Cookie(pipe.Url.Authority, Cookie)!;
    }

    private static async Task<Stream> DownloadAsync(GateRig rig, Action<HttpRequestMessage> with)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(rig.Node.Listening, "/stream"));
        with(request);
        var response = await rig.Node.VisitAsync("cat1", request).Soon();
        var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[5]).AsTask().Soon();
        return stream;
    }

    private static async Task EndOf(Stream download) => await FluentActions.Awaiting(() => download.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
}
