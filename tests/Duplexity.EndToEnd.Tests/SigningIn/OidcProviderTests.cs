using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Playwright;
using Xunit;

namespace Duplexity.EndToEnd.Tests.SigningIn;

/// <summary>Signing in through a provider that somebody else wrote (oidc-provider), in a real browser.</summary>
public sealed class OidcProviderTests
{
    [Fact]
    [Trait("Requirement", "2.5")]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G1")]
    public async Task A_person_signs_in_at_an_independent_provider_and_connects_a_headless_machine_by_its_code()
    {
        var secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var port = FreePorts.Range(1).First;
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.TrustTestIssuer = false;
            s.Settings["Duplexity:Auth:Oidc:Authority"] = $"http://127.0.0.1:{port}";
            s.Settings["Duplexity:Auth:Oidc:ClientId"] = "duplexity";
            s.Settings["Duplexity:Auth:Oidc:ClientSecret"] = secret;
        });
        var service = new Uri($"http://localhost:{node.Port}/");
        await using var provider = RealProcess.Start(
            "node",
            ["oidc.mjs"],
            [("PORT", $"{port}"), ("REDIRECT", new Uri(service, "auth/callback").AbsoluteUri), ("SECRET", secret)],
            Path.Combine(ProcessTools.Root, "tests/Duplexity.EndToEnd.Tests/node"));
        await provider.LineAsync("ready", TestTimeout.Long);
        await using var browser = await Browser.StartAsync();
        using var http = new HttpClient { BaseAddress = service };

        var verifier = Base64UrlEncoder.Encode(RandomNumberGenerator.GetBytes(32));
        using var request = new HttpRequestMessage(HttpMethod.Post, "auth")
        {
            Content = JsonContent.Create(new { challenge = Base64UrlEncoder.Encode(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(verifier))), program = "a server in a rack" }),
        };
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Soon();
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var started = await NextAsync(lines);

        // The whole way of a person: the link, the provider's own pages, ours.
        var page = await browser.OpenAsync(started.GetProperty("link").GetString()!);
        await page.FillAsync("input[name=login]", "amy");
        await page.FillAsync("input[name=password]", "anything");
        await page.ClickAsync("button[type=submit]");
        await page.ClickAsync("button[type=submit]");
        await page.WaitForSelectorAsync("#code");
        (await page.ContentAsync()).Should().Contain("amy").And.Contain("a server in a rack");
        if (Environment.GetEnvironmentVariable("DUPLEXITY_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, "connect.png") });
        }

        await page.FillAsync("#code", started.GetProperty("code").GetString()!);
        await page.ClickAsync("button[type=submit]");
        await page.WaitForSelectorAsync("text=You can close this page");
        (await NextAsync(lines)).GetProperty("event").GetString().Should().Be("approved");
        (await http.PostAsJsonAsync("auth/proof", new { id = started.GetProperty("id").GetString(), verifier })).EnsureSuccessStatusCode();
        var tokens = await NextAsync(lines);

        tokens.GetProperty("client").GetString().Should().Be("amy");
        await using var socket = await StockSocket.ConnectAsync(new Uri(service, "data"), tokens.GetProperty("access_token").GetString()!);
        socket.Welcome.Clients.Should().Equal("amy");
        using var refreshed = await http.PostAsJsonAsync("auth/refresh", new { refresh_token = tokens.GetProperty("refresh_token").GetString() });
        (await refreshed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("client").GetString().Should().Be("amy");
        node.Logs.Lines.Should().NotContain(l => l.Text.Contains(verifier) || l.Text.Contains(started.GetProperty("code").GetString()!));

        // A second link, mailed by somebody else, opened by the person who is still signed in at the provider: nothing leaves without the code.
        using var attack = await http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, "auth") { Content = JsonContent.Create(new { challenge = Base64UrlEncoder.Encode(new byte[32]), program = "attacker" }) }, HttpCompletionOption.ResponseHeadersRead).Soon();
        using var attackers = new StreamReader(await attack.Content.ReadAsStreamAsync());
        var mailed = await NextAsync(attackers);
        await page.GotoAsync(mailed.GetProperty("link").GetString()!);
        await page.WaitForSelectorAsync("#code");
        using var proof = await http.PostAsJsonAsync("auth/proof", new { id = mailed.GetProperty("id").GetString(), verifier = new string('v', 43) });
        proof.StatusCode.Should().Be(System.Net.HttpStatusCode.Forbidden);
    }

    private static async Task<JsonElement> NextAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync().Soon() is { } line)
        {
            if (JsonSerializer.Deserialize<JsonElement>(line) is var told && told.GetProperty("event").GetString() != "waiting")
            {
                return told;
            }
        }

        throw new IOException("The answer ended.");
    }
}
