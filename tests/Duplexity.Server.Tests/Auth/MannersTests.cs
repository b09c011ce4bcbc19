using System.Net;
using System.Security.Claims;
using FluentAssertions;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Inside someone else's application: what was there before is as before.</summary>
[Trait("Guarantee", "G5")]
public sealed class MannersTests
{
    [Fact]
    public async Task An_application_keeps_its_cookie_its_auth_route_its_CORS_and_its_hub()
    {
        await using var node = await StartAsync(services => services.AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme).AddCookie());
        var token = node.Tokens.Create("amy", TimeSpan.FromMinutes(1));

        (await node.GetAsync("/auth", null)).Should().Be((HttpStatusCode.OK, "the application's own"));
        (await node.GetAsync("/me", token)).Status.Should().Be(HttpStatusCode.Found, "the application signs in by its cookie and sends others to its page");

        var cookie = await SignInAsync(node);
        (await node.GetAsync("/me", null, request => request.Headers.Add("Cookie", cookie))).Should().Be((HttpStatusCode.OK, "carol"));
        (await node.GetAsync("/rt/data", null, request => request.Headers.Add("Cookie", cookie))).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await node.GetAsync("/rt/data", token, request => request.Headers.Add("Cookie", cookie))).Should().Be((HttpStatusCode.OK, "amy"));

        using var shared = await node.SendAsync(HttpMethod.Get, "/auth", null, request => request.Headers.Add("Origin", "https://friend.test"));
        shared.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("https://friend.test");
        (await node.GetAsync("/rt/auth", token, request => request.Headers.Add("Origin", "https://friend.test"))).Status.Should().Be(HttpStatusCode.Forbidden);

        await using var hub = new HubConnectionBuilder().WithUrl(new Uri(node.Address, "/echo"), HttpTransportType.WebSockets).Build();
        await hub.StartAsync().WaitAsync(AuthNode.Soon);
        (await hub.InvokeAsync<string>("Echo", "hello").WaitAsync(AuthNode.Soon)).Should().Be("hello");
    }

    [Fact]
    public async Task An_application_with_one_scheme_and_no_named_default_keeps_it_as_its_default()
    {
        await using var node = await StartAsync(services => services.AddAuthentication().AddCookie());
        var cookie = await SignInAsync(node);
        (await node.GetAsync("/me", null, request => request.Headers.Add("Cookie", cookie))).Should().Be((HttpStatusCode.OK, "carol"));
    }

    [Fact]
    public async Task An_application_without_a_scheme_does_not_get_ours_as_its_default()
    {
        await using var node = await AuthNode.StartAsync(application: app => app.MapGet("/name", (HttpContext context) => context.User.Identity?.Name ?? "nobody"));
        var token = node.Tokens.Create("amy", TimeSpan.FromMinutes(1));
        (await node.GetAsync("/name", token)).Should().Be((HttpStatusCode.OK, "nobody"));
    }

    [Fact]
    public async Task An_application_may_ask_for_our_identity_at_an_endpoint_of_its_own()
    {
        await using var node = await StartAsync(services => services.AddAuthentication().AddCookie());
        (await node.GetAsync("/orders", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await node.GetAsync("/orders", node.Tokens.Create("amy", TimeSpan.FromMinutes(1)))).Should().Be((HttpStatusCode.OK, "amy"));
    }

    [Fact]
    public async Task An_applications_fallback_policy_does_not_ask_for_its_own_sign_in_at_ours()
    {
        await using var node = await StartAsync(services =>
        {
            services.AddAuthentication().AddCookie();
            services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        });

        (await node.GetAsync("/rt/data", node.Tokens.Create("amy", TimeSpan.FromMinutes(1)))).Should().Be((HttpStatusCode.OK, "amy"));
        (await node.GetAsync("/rt/data", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await DevelopmentToken.For(new Uri(node.Address, "/rt"), "amy")(CancellationToken.None)).Should().NotBeNullOrEmpty();
    }

    private static Task<AuthNode> StartAsync(Action<IServiceCollection> schemes) => AuthNode.StartAsync(
        prefix: "/rt",
        services: services =>
        {
            schemes(services);
            services.AddAuthorization();
            services.AddCors(options => options.AddDefaultPolicy(policy => policy.WithOrigins("https://friend.test")));
            services.AddSignalR();
        },
        application: app =>
        {
            app.UseCors();
            app.UseAuthentication();
            app.UseAuthorization();
            app.MapGet("/auth", () => "the application's own");
            app.MapGet("/me", (HttpContext context) => context.User.Identity!.Name).RequireAuthorization();
            app.MapGet("/orders", (HttpContext context) => context.User.FindFirstValue("sub")).RequireAuthorization("Duplexity");
            app.MapPost("/sign-in", (HttpContext context) => context.SignInAsync(
                CookieAuthenticationDefaults.AuthenticationScheme, new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, "carol")], "cookie")))).AllowAnonymous();
            app.MapHub<EchoHub>("/echo");
        });

    private static async Task<string> SignInAsync(AuthNode node)
    {
        using var response = await node.SendAsync(HttpMethod.Post, "/sign-in", null);
        return response.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }

    /// <summary>The application's own hub.</summary>
    public sealed class EchoHub : Hub
    {
        public string Echo(string text) => text;
    }
}
