using System.Net;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>What a provider says of a person is believed only when all of it is right (G19).</summary>
public sealed class IdTokenTests
{
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
        await using var node = await SignInRig.StartAsync(provider);
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
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
}
