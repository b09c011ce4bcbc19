using System.Collections.Concurrent;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Server;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.EndToEnd.Tests.SigningIn;

/// <summary>A visitor in a real browser: it signs in once, and a page of another pipe does nothing with that.</summary>
public sealed class VisitorBrowserTests
{
    /// <summary>All that a page can do to another host with the browser's cookies; what came of it is its title.</summary>
    private const string Evil = """
        <!doctype html><title>at it</title><body><script type="module">
        const at = new URLSearchParams(location.search).get("at"), ws = at.replace("http", "ws"), seen = [];
        document.cookie = "duplexity-visitor=evil; domain=localhost; path=/";
        await fetch(at + "steal/fetch", { credentials: "include", mode: "no-cors" }).catch(() => {});
        await fetch(at + "steal/post", { method: "POST", credentials: "include", mode: "no-cors", body: "x" }).catch(() => {});
        await fetch(at + "steal/cors", { credentials: "include" }).then(() => seen.push("cors"), () => {});
        await new Promise(done => { const i = new Image(); i.onload = i.onerror = done; i.src = at + "steal/image"; });
        await new Promise(done => { const s = new WebSocket(ws + "steal/socket"); s.onopen = () => { seen.push("socket"); done(); }; s.onerror = done; });
        await new Promise(done => { const f = document.createElement("iframe"); f.onload = done; f.src = at + "steal/frame"; document.body.append(f); });
        await new Promise(done => {
          const f = document.createElement("iframe"); f.name = "posted"; document.body.append(f); f.onload = done;
          const p = Object.assign(document.createElement("form"), { method: "post", action: at + "steal/form", target: "posted" }); document.body.append(p); p.submit();
        });
        document.title = "done " + seen.join();
        </script>
        """;

    [Fact]
    [Trait("Requirement", "3.9")]
    [Trait("Guarantee", "G5")]
    public async Task In_chromium_a_visitor_signs_in_once_and_a_page_of_another_pipe_has_no_effect_at_that_one()
    {
        await using var provider = await TestProvider.StartAsync();
        provider.SignsIn = "bob";
        await using var node = await TestNode.StartAsync(s =>
        {
            s.TrustTestIssuer = false;
            provider.Configure(s.Settings);
        });
        var seen = new ConcurrentQueue<string>();
        await using var secret = await StartAsync(context =>
        {
            seen.Enqueue($"{context.Request.Path} {context.Request.Headers.Cookie}");
            return context.Response.WriteAsync($"<!doctype html><p id=who>{(context.Request.Headers.ContainsKey("Duplexity-Identity") ? "known" : "unknown")}</p>");
        });
        await using var evil = await StartAsync(context => context.Response.WriteAsync(Evil));
        await using var amy = await ConnectAsync(node, "amy");
        await using var mallory = await ConnectAsync(node, "mallory");
        await using var cat1 = await amy.Pipes.OpenAsync("cat1", secret.Urls.Single(), new PipeOptions { Visitors = ["client:bob"] });
        await using var trap = await mallory.Pipes.OpenAsync("evil", evil.Urls.Single());
        await using var browser = await Browser.StartAsync();

        var page = await browser.OpenAsync(new Uri(cat1.Url, "/inside?q=1").AbsoluteUri);
        (await page.TextContentAsync("h1")).Should().Be("Visit cat1.localhost");
        await page.ClickAsync("#go");
        await page.WaitForSelectorAsync("text=known");
        page.Url.Should().Be(new Uri(cat1.Url, "/inside?q=1").AbsoluteUri);
        var cookie = (await page.Context.CookiesAsync()).Single(c => c.Name == "duplexity-visitor");
        (cookie.Domain, cookie.HttpOnly, cookie.SameSite).Should().Be(("cat1.localhost", true, Microsoft.Playwright.SameSiteAttribute.Lax));

        await page.GotoAsync($"{trap.Url}?at={Uri.EscapeDataString(cat1.Url.AbsoluteUri)}");
        await page.WaitForFunctionAsync("document.title.startsWith('done')");

        (await page.TitleAsync()).Trim().Should().Be("done");
        seen.Should().NotContain(s => s.Contains("/steal")).And.NotContain(s => s.Contains("duplexity-"));

        // The person's own step is one.
        await page.GotoAsync(new Uri(cat1.Url, "/again").AbsoluteUri);
        await page.WaitForSelectorAsync("text=known");
        seen.Should().Contain(s => s.StartsWith("/again"));
    }

    private static Task<DuplexityConnection> ConnectAsync(TestNode node, string client)
    {
        var token = node.Services.GetRequiredService<IDuplexity>().CreateToken(client, TimeSpan.FromHours(1));
        return node.ConnectAsync(client, o => o with { Token = _ => ValueTask.FromResult<string?>(token) });
    }

    private static async Task<WebApplication> StartAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(context =>
        {
            context.Response.ContentType = "text/html; charset=utf-8";
            return answer(context);
        });
        await app.StartAsync();
        return app;
    }
}
