using System.Net;
using System.Net.WebSockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>Links and grants: what owners hand out, for what it is good, and when it ends.</summary>
[Trait("Guarantee", "G7")]
public sealed class HandedOutTests
{
    [Fact]
    public async Task A_link_lets_a_browser_in_leaves_the_address_and_reaches_the_resource_neither_as_query_nor_as_cookie()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("link");
        var link = await pipe.CreateLinkAsync().Soon();
        var authority = link.Url.Authority;
        using var browser = new BrowserRobot();
        browser.Keep(authority, "theirs", "stays");

        (await rig.GetAsync()).Status.Should().Be(HttpStatusCode.Forbidden);
        await browser.OpenAsync(link.Url);

        browser.At.PathAndQuery.Should().Be("/");
        browser.Page.Should().StartWith("GET /\n").And.Contain("Cookie: theirs=stays\n").And.NotContain("duplexity-");
        browser.Cookie(authority, "duplexity-link").Should().NotBeNullOrEmpty();
        await browser.OpenAsync(new Uri(link.Url, "/a%2Fb?x=1&y"));
        browser.Page.Should().StartWith("GET /a%2Fb?x=1&y\n");
    }

    [Fact]
    public async Task Under_a_wildcard_a_link_is_for_one_host()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("link", "*.cat1");
        (await FluentActions.Awaiting(() => pipe.CreateLinkAsync().Soon()).Should().ThrowAsync<DuplexityException>()).Which.Error.Sentence.Should().Contain("www.cat1.localhost");
        await FluentActions.Awaiting(() => rig.Owner.Pipes.CreateLinkAsync("a.cat2.localhost").Soon()).Should().ThrowAsync<DuplexityException>();
        var link = await rig.Owner.Pipes.CreateLinkAsync("a.cat1.localhost").Soon();
        using var browser = new BrowserRobot();

        link.Url.Authority.Should().Be($"a.cat1.localhost:{rig.Node.Port}");
        await browser.OpenAsync(link.Url);
        browser.Status.Should().Be(HttpStatusCode.OK);
        browser.At.PathAndQuery.Should().Be("/");
        await browser.OpenAsync(new Uri(link.Url, "/again"));
        browser.Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(link.Url.PathAndQuery, name: "a.cat1")).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(link.Url.PathAndQuery, name: "b.cat1")).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_program_needs_no_cookie_for_a_link()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("link");
        var link = await pipe.CreateLinkAsync().Soon();

        var answer = await rig.GetAsync($"/hook?a=1&{link.Url.Query[1..]}&b=%20");

        answer.Status.Should().Be(HttpStatusCode.OK);
        answer.Text.Should().StartWith("GET /hook?a=1&b=%20\n").And.NotContain("duplexity-");
    }

    [Fact]
    public async Task A_link_is_for_its_methods_and_its_path_and_no_other_pipe()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("link");
        await using var other = await rig.OpenAsync("link", "cat2");
        var link = (await pipe.CreateLinkAsync(new() { Methods = ["GET"], Path = "/docs" }).Soon()).Url.Query;

        (await rig.GetAsync($"/docs/a{link}")).Status.Should().Be(HttpStatusCode.OK);
        foreach (var target in new[] { "/", "/docsx", "/docs/../x", "/docs/%2e%2e/x", "/docs/..%2fx", "/docs//x" })
        {
            await using var visitor = await Duplexity.Testing.RawVisitor.ConnectAsync(rig.Node.Port);
            await visitor.RequestAsync($"GET {target}{link} HTTP/1.1", "cat1.localhost");
            (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 403 ", target);
        }

        (await rig.GetAsync($"/docs{link}", r => r.Method = HttpMethod.Delete)).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.GetAsync($"/docs/a{link}", name: "cat2")).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.GetAsync($"/docs/a{link[..^4]}{(link[^4] == 'A' ? 'B' : 'A')}{link[^3..]}")).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_link_and_a_grant_are_dead_when_the_name_is_another_owners_and_when_it_is_served_anew()
    {
        await using var rig = await GateRig.StartAsync(s => s.Options = o => o.Times.HandOver = TimeSpan.Zero);
        var pipe = await rig.OpenAsync("link,bearer,granted");
        var link = (await pipe.CreateLinkAsync().Soon()).Url.Query;
        await rig.Owner.Pipes.GrantAsync("cat1", "bob").Soon();
        var bob = GateRig.Bearer(rig.Token("bob"));
        (await rig.GetAsync($"/{link}")).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.OK);

        await pipe.DisposeAsync();
        await using (var ben = await rig.Node.ConnectAsync("ben"))
        {
            await using var theirs = await ben.Pipes.OpenAsync("cat1", rig.Resource, new PipeOptions { Visitors = ["link", "bearer", "granted"] }).Soon();
            (await rig.GetAsync($"/{link}")).Status.Should().Be(HttpStatusCode.Unauthorized);
            (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.Forbidden);
        }

        await using var again = await rig.Node.ConnectAsync("amy");
        await using var anew = await again.Pipes.OpenAsync("cat1", rig.Resource, new PipeOptions { Visitors = ["link", "bearer", "granted"] }).Soon();
        (await rig.GetAsync($"/{link}")).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Bob_may_get_for_fifteen_minutes_and_then_no_more()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var rig = await GateRig.StartAsync(s => s.Time = time);
        await using var pipe = await rig.OpenAsync("bearer,client:nobody-else");
        var bob = GateRig.Bearer(rig.Token("bob"));
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.Forbidden);

        var grant = await rig.Owner.Pipes.GrantAsync("cat1", "bob", new() { For = TimeSpan.FromMinutes(15), Methods = ["GET"] }).Soon();

        grant.Should().BeEquivalentTo(new { Pipe = "cat1.localhost", Client = "bob", Path = (string?)null });
        (await rig.Owner.Pipes.ListGrantsAsync().Soon()).Should().ContainSingle().Which.ExpiresAt.Should().Be(grant.ExpiresAt);
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(with: r => (r.Method, r.Headers.Authorization) = (HttpMethod.Post, new("Bearer", rig.Token("bob"))))).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("carl")))).Status.Should().Be(HttpStatusCode.Forbidden);
        using var socket = await ConnectAsync(rig, "bob");

        time.Advance(TimeSpan.FromMinutes(15));

        await EndOf(socket);
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.Owner.Pipes.ListGrantsAsync().Soon()).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_grant_that_is_withdrawn_ends_what_it_had_begun()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("bearer,granted");
        await rig.Owner.Pipes.GrantAsync("cat1", "bob").Soon();
        using var socket = await ConnectAsync(rig, "bob");

        (await rig.Owner.Pipes.WithdrawAsync("cat1", "bob").Soon()).Should().Be(1);

        await EndOf(socket);
        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("bob")))).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.Owner.Pipes.WithdrawAsync("cat1", "bob").Soon()).Should().Be(0);
    }

    [Fact]
    public async Task Only_an_owner_hands_out_and_nobody_else_learns_of_the_pipe()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("link,granted");
        await using var ben = await rig.Node.ConnectAsync("ben");
        var refused = new List<DuplexityException>();
        foreach (var name in new[] { "cat1", "nothing-here" })
        {
            refused.Add((await FluentActions.Awaiting(() => ben.Pipes.CreateLinkAsync(name)).Should().ThrowAsync<DuplexityException>()).Which);
            refused.Add((await FluentActions.Awaiting(() => ben.Pipes.GrantAsync(name, "ben")).Should().ThrowAsync<DuplexityException>()).Which);
        }

        refused.Select(e => (e.Code, e.Message)).Distinct().Should().ContainSingle().Which.Code.Should().Be(Errors.UnknownDestination.Code);
        await using var open = await rig.OpenAsync("public", "cat2");
        (await FluentActions.Awaiting(() => open.CreateLinkAsync()).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.InvalidPipe.Code);
        (await FluentActions.Awaiting(() => rig.Owner.Pipes.GrantAsync("cat2", "bob")).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.InvalidPipe.Code);
    }

    internal static async Task<ClientWebSocket> ConnectAsync(GateRig rig, string client)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Host", $"cat1.localhost:{rig.Node.Port}");
        socket.Options.SetRequestHeader("Authorization", $"Bearer {rig.Token(client)}");
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{rig.Node.Port}/"), CancellationToken.None).Soon();
        await socket.SendAsync("hi"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None).Soon();
        (await socket.ReceiveAsync(new byte[16], CancellationToken.None).Soon()).Count.Should().Be(2);
        return socket;
    }

    /// <summary>It is cut, and not closed in order.</summary>
    internal static async Task EndOf(ClientWebSocket socket) =>
        await FluentActions.Awaiting(() => socket.ReceiveAsync(new byte[16], CancellationToken.None).Soon()).Should().ThrowAsync<WebSocketException>();
}
