using System.Net;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>The pages as a hostile page elsewhere, or a hostile link, meets them.</summary>
public sealed class PageTests
{
    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task Every_page_loads_nothing_is_framed_by_nobody_and_is_kept_nowhere()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("amy");
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        await person.SignInAsync("amy", OpenIdNode.Password);
        var invitation = (await node.UsersAsync("", new { name = "ben" })).Body.GetProperty("link").GetString()!;

        foreach (var path in (string[])["sign-in", "sign-out", "authorize", "nothing", "first?token=x", invitation])
        {
            await person.OpenAsync(new Uri(node.OpenId, path));
            var policy = person.Last.Headers.GetValues("Content-Security-Policy").Single();
            policy.Should().Contain("default-src 'none'").And.Contain("frame-ancestors 'none'").And.Contain("form-action 'self'").And.NotContain("script");
            person.Last.Headers.GetValues("X-Frame-Options").Should().Equal("DENY");
            person.Last.Headers.CacheControl!.NoStore.Should().BeTrue();
            person.Page.Should().NotContain("<script").And.NotContain(" src=");
        }
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task A_form_is_taken_only_from_our_own_page_in_the_browser_that_it_was_given_to()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("amy");
        using var person = new Person();
        using var other = new Person();
        (string, string)[] right = [("name", "amy"), ("password", OpenIdNode.Password)];
        await other.OpenAsync(new Uri(node.OpenId, "sign-in"));

        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SubmitAsync(right, origin: "https://evil.example")).Status.Should().Be(HttpStatusCode.Forbidden);
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SubmitAsync(right, origin: "")).Status.Should().Be(HttpStatusCode.BadRequest, "browsers say where a form is from");
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SubmitAsync(right, change: f => f.Remove("__RequestVerificationToken"))).Status.Should().Be(HttpStatusCode.BadRequest);
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SubmitAsync(right, change: f => f["__RequestVerificationToken"] = other.Page.Split("__RequestVerificationToken\" value=\"")[1].Split('"')[0])).Status.Should().Be(HttpStatusCode.BadRequest);
        node.Hasher.Checked.Should().Be(0);
        person.Cookies.Keys.Should().NotContain("__Host-duplexity-openid");
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SubmitAsync(right)).Status.Should().Be(HttpStatusCode.OK);
        person.Cookies.Keys.Should().Contain("__Host-duplexity-openid");
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/openid/authorize?")]
    [InlineData("/elsewhere?")]
    [InlineData("/openid/authorize?x\r\nSet-Cookie: a=b")]
    [Trait("Guarantee", "G5")]
    public async Task A_link_cannot_say_where_a_sign_in_leads(string back)
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("amy");
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, $"sign-in?return={Uri.EscapeDataString(back)}"));

        await person.SignInAsync("amy", OpenIdNode.Password, stop: _ => true);

        person.SentTo.Should().BeNull();
        person.Page.Should().Contain("You are signed in");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task The_browsers_session_opens_no_hub_and_ends_with_the_sign_out()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("amy");
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        await person.SignInAsync("amy", OpenIdNode.Password);

        foreach (var path in (string[])["auth", "data/negotiate?negotiateVersion=1", "control/negotiate?negotiateVersion=1", "openid/users"])
        {
            (await person.OpenAsync(new Uri(node.Node.Address, path))).Status.Should().Be(HttpStatusCode.Unauthorized, path);
        }

        await person.OpenAsync(new Uri(node.OpenId, "sign-out"));
        person.Page.Should().Contain("amy");
        await person.SubmitAsync([]);
        person.Page.Should().Contain("Signed out");
        person.Cookies.Keys.Should().NotContain("__Host-duplexity-openid");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task On_other_hosts_there_is_no_provider_and_what_a_person_typed_is_text()
    {
        await using var node = await OpenIdNode.StartAsync();
        using var pipe = await node.Node.VisitAsync("cat1", "/openid/sign-in");
        using var foreign = await node.Node.Http.SendAsync(new HttpRequestMessage(HttpMethod.Get, "openid/sign-in") { Headers = { Host = "app.example.org" } });
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        await person.SignInAsync("<script>alert(1)</script>\u202e\u001b[31m", "x");

        pipe.StatusCode.Should().Be(HttpStatusCode.NotFound);
        foreign.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await pipe.Content.ReadAsStringAsync() + await foreign.Content.ReadAsStringAsync()).Should().NotContain("Sign in");
        person.Page.Should().NotContain("<script>").And.NotContain("\u202e").And.NotContain("\u001b");
    }
}
