using System.Net;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>Signing in at the embedded provider, through the same <c>/auth</c> as at any other.</summary>
public sealed class FlowTests
{
    [Theory]
    [InlineData("")]
    [InlineData("/rt")]
    [Trait("Requirement", "2.5")]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G1")]
    public async Task A_person_of_the_embedded_provider_signs_in_and_refreshes(string prefix)
    {
        await using var node = await OpenIdNode.StartAsync(s => s.Prefix = prefix);
        await node.AddAsync("amy", roles: ["developers"]);
        using var browser = new Person();

        var tokens = await node.SignInAsync("amy", browser: browser);

        tokens.GetProperty("client").GetString().Should().Be("amy");
        new JsonWebToken(tokens.GetProperty("access_token").GetString()).Claims.Single(c => c.Type == "roles").Value.Should().Be("developers");
        var id = new JsonWebToken(tokens.GetProperty("id_token").GetString());
        id.Issuer.Should().Be($"http://localhost:5080{prefix}/openid");
        id.Alg.Should().Be("RS256");
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Node.Address, "data"), tokens.GetProperty("access_token").GetString()!);
        socket.Welcome.Clients.Should().Equal("amy");

        // Signed in there by now: the next program needs its code and no password.
        (await node.SignInAsync("amy", browser: browser)).GetProperty("client").GetString().Should().Be("amy");
        node.Hasher.Checked.Should().Be(1);
        var (status, next) = await SignInRig.RefreshAsync(node.Node, tokens);
        status.Should().Be(HttpStatusCode.OK);
        next.GetProperty("client").GetString().Should().Be("amy");
        (await SignInRig.RefreshAsync(node.Node, next)).Status.Should().Be(HttpStatusCode.OK);
        browser.SetCookies.Where(c => c.Contains("openid")).Should().NotBeEmpty()
            .And.OnlyContain(c => c.StartsWith("__Host-", StringComparison.Ordinal) && c.Contains("; path=/;", StringComparison.OrdinalIgnoreCase) && c.Contains("; secure", StringComparison.OrdinalIgnoreCase)
                && c.Contains("; httponly", StringComparison.OrdinalIgnoreCase) && c.Contains("; samesite=lax", StringComparison.OrdinalIgnoreCase));
    }
}
