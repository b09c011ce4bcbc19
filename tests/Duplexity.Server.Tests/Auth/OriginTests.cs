using System.Net;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

[Trait("Guarantee", "G5")]
public sealed class OriginTests
{
    [Theory]
    [InlineData("https://app.test", true)]
    [InlineData("https://APP.test:443", true)]
    [InlineData("https://xn--bcher-kva.test", true)]
    [InlineData("https://hub.test", true)]
    [InlineData("{self}", true)]
    [InlineData("http://app.test", false)]
    [InlineData("https://app.test:8443", false)]
    [InlineData("https://app.test.evil.test", false)]
    [InlineData("https://evil.test", false)]
    [InlineData("https://evil.test/https://app.test", false)]
    [InlineData("https://app.test@evil.test", false)]
    [InlineData("http://localhost:3000", false)]
    [InlineData("http://127.0.0.1:3000", false)]
    [InlineData("null", false)]
    [InlineData("", false)]
    [InlineData("file://", false)]
    [InlineData("https://app.test, https://evil.test", false)]
    public async Task Outside_Development_only_named_origins_and_the_services_own_pages_get_in(string origin, bool isAllowed)
    {
        await using var node = await AuthNode.StartWithAppKeyAsync(configure: options =>
        {
            options.Url = new Uri("https://hub.test");
            options.Origins.Add("https://app.test");
            options.Origins.Add("https://b\u00FCcher.test");
        });

        foreach (var path in (string[])["/control", "/data", "/data/carry", "/auth"])
        {
            (await StatusAsync(node, path, origin)).Should().Be(isAllowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden, "that is {0}", path);
        }
    }

    [Theory]
    [InlineData("http://localhost:3000", true)]
    [InlineData("https://localhost", true)]
    [InlineData("http://127.0.0.1:8080", true)]
    [InlineData("http://127.8.9.1:8080", true)]
    [InlineData("http://[::1]:8080", true)]
    [InlineData("http://cat1.localhost:5080", false)]
    [InlineData("http://localhost.evil.test", false)]
    [InlineData("http://192.168.1.5:3000", false)]
    [InlineData("http://evil.test", false)]
    [InlineData("null", false)]
    public async Task In_Development_pages_of_this_machine_get_in_but_no_pages_of_pipes(string origin, bool isAllowed)
    {
        await using var node = await AuthNode.StartAsync();
        (await StatusAsync(node, "/data", origin)).Should().Be(isAllowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_foreign_page_is_refused_before_its_token_is_looked_at()
    {
        await using var node = await AuthNode.StartAsync();
        using var response = await node.SendAsync(HttpMethod.Get, "/data", "not a token", request => request.Headers.Add("Origin", "http://evil.test"));

        response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        response.Headers.Contains("Access-Control-Allow-Origin").Should().BeFalse();
    }

    [Fact]
    public async Task A_page_that_may_is_told_so_before_it_asks_and_with_the_answer()
    {
        await using var node = await AuthNode.StartAsync();
        using var preflight = await PreflightAsync(node, "http://localhost:3000");
        using var answer = await node.SendAsync(
            HttpMethod.Get, "/auth", node.Tokens.Create("amy", TimeSpan.FromMinutes(1)), request => request.Headers.Add("Origin", "http://localhost:3000"));

        preflight.StatusCode.Should().Be(HttpStatusCode.NoContent);
        preflight.Headers.GetValues("Access-Control-Allow-Headers").Single().Should().Contain("Authorization");
        foreach (var response in (HttpResponseMessage[])[preflight, answer])
        {
            response.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("http://localhost:3000");
            response.Headers.Vary.Should().Contain("Origin");
        }

        (await PreflightAsync(node, "http://evil.test")).StatusCode.Should().Be(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("hub.test", HttpStatusCode.OK)]
    [InlineData("HUB.test:8443", HttpStatusCode.OK)]
    [InlineData("n1.hub.test", HttpStatusCode.OK)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1:5080", HttpStatusCode.OK)]
    [InlineData("[::1]:5080", HttpStatusCode.OK)]
    [InlineData("192.168.1.5", HttpStatusCode.OK)]
    [InlineData("cat1.localhost", HttpStatusCode.NotFound)]
    [InlineData("evil.test", HttpStatusCode.NotFound)]
    [InlineData("hub.test.evil.test", HttpStatusCode.NotFound)]
    [InlineData("x.hub.test", HttpStatusCode.NotFound)]
    [InlineData("2130706433", HttpStatusCode.NotFound)]
    public async Task The_service_answers_on_its_own_hosts_and_is_not_there_on_any_other(string host, HttpStatusCode expected)
    {
        await using var node = await AuthNode.StartWithAppKeyAsync(configure: options =>
        {
            options.Url = new Uri("https://hub.test");
            options.Node.Url = new Uri("https://n1.hub.test");
        });
        var token = node.Tokens.Create("amy", TimeSpan.FromMinutes(1));

        foreach (var path in (string[])["/control", "/data", "/data/carry", "/auth"])
        {
            (await node.GetAsync(path, token, request => request.Headers.Host = host)).Status.Should().Be(expected, "that is {0}", path);
            using var post = await node.SendAsync(HttpMethod.Post, path, null, request => request.Headers.Host = host);
            (post.StatusCode == HttpStatusCode.NotFound).Should().Be(expected == HttpStatusCode.NotFound, "without a token and by another method the host still comes first at {0}", path);
        }
    }

    [Fact]
    public async Task On_a_foreign_host_the_applications_own_routes_go_on()
    {
        await using var node = await AuthNode.StartAsync(application: app => app.MapFallback(context => context.Response.WriteAsync("the application's page")));
        (await node.GetAsync("/auth", null, request => request.Headers.Host = "shop.test")).Should().Be((HttpStatusCode.OK, "the application's page"));
        (await node.GetAsync("/auth", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    private static async Task<HttpStatusCode> StatusAsync(AuthNode node, string path, string origin)
    {
        var token = node.Tokens.Create("amy", TimeSpan.FromMinutes(1));
        var shown = origin == "{self}" ? node.Address.GetLeftPart(UriPartial.Authority) : origin;
        return (await node.GetAsync(path, token, request => request.Headers.TryAddWithoutValidation("Origin", shown))).Status;
    }

    private static Task<HttpResponseMessage> PreflightAsync(AuthNode node, string origin) => node.SendAsync(HttpMethod.Options, "/auth", null, request =>
    {
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "GET");
        request.Headers.Add("Access-Control-Request-Headers", "authorization");
    });
}
