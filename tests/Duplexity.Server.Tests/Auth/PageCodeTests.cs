using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>The redirect flow, for pages of known origins.</summary>
public sealed class PageCodeTests
{
    [Fact]
    [Trait("Requirement", "2.5")]
    [Trait("Guarantee", "G5")]
    public async Task A_page_of_a_known_origin_gets_a_code_and_for_it_tokens_and_no_other_page_does()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Settings["Duplexity:Origins:0"] = "https://app.example.org");
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
}
