using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>Half-configured, the embedded provider is not started; each refusal says what to set.</summary>
public sealed class StartTests
{
    [Theory]
    [Trait("Requirement", "2.5")]
    [Trait("Guarantee", "G19")]
    [InlineData("*Duplexity:Auth:Embedded is set and Duplexity:Auth:Oidc names another provider*", "Duplexity:Auth:Oidc:Authority", "https://id.example.org", "Duplexity:Auth:Oidc:ClientId", "duplexity")]
    [InlineData("*Duplexity:Auth:Embedded is set and Duplexity:Auth:Oidc names another provider*", "Duplexity:Auth:Oidc:ClientSecret", "secret")]
    [InlineData("*Duplexity:Auth:Embedded needs a data folder*Duplexity:Data*", "Duplexity:Data", "")]
    [InlineData("*Duplexity:Auth:CidClaim is \"oid\"*", "Duplexity:Auth:CidClaim", "oid")]
    [InlineData("*Duplexity:Url is http://hub.example.org/*plain http*", "Duplexity:Url", "http://hub.example.org")]
    [InlineData("*Duplexity:OpenId: PasswordLength is from 8*", "Duplexity:OpenId:PasswordLength", "4")]
    [InlineData("*Duplexity:OpenId:Clients:wiki:Redirects is empty*", "Duplexity:OpenId:Clients:wiki:Name", "Wiki")]
    [InlineData("*Clients:wiki:Redirects has \"http://wiki.example.org/back\"*", "Duplexity:OpenId:Clients:wiki:Redirects:0", "http://wiki.example.org/back")]
    [InlineData("*Clients:wiki:Secret has fewer than 32*", "Duplexity:OpenId:Clients:wiki:Secret", "short", "Duplexity:OpenId:Clients:wiki:Redirects:0", "https://wiki.example.org/back")]
    [InlineData("*Clients:duplexity is the service itself*", "Duplexity:OpenId:Clients:duplexity:Redirects:0", "https://wiki.example.org/back")]
    [InlineData("*Duplexity:Auth:Oidc:Prefix is missing*", "Duplexity:Auth:Keys:app:Issuer", "https://app.test", "Duplexity:Auth:Keys:app:Secret", "an application's secret, 32 bytes and more")]
    public async Task A_node_is_not_started_half_configured(string message, params string[] settings)
    {
        var start = () => OpenIdNode.StartAsync(s =>
        {
            foreach (var pair in settings.Chunk(2))
            {
                s.Settings[pair[0]] = pair[1];
            }
        });

        await start.Should().ThrowAsync<OptionsValidationException>().WithMessage(message);
    }

    [Fact]
    [Trait("Requirement", "2.5")]
    public async Task The_setting_alone_is_not_enough_in_an_application_and_a_node_that_knows_nobody_is_told_of_it()
    {
        var without = () => TestNode.StartAsync(s => s.Settings["Duplexity:Auth:Embedded"] = "true");
        var nobody = () => TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.TrustTestIssuer = false;
        });

        await without.Should().ThrowAsync<OptionsValidationException>().WithMessage("*AddDuplexity().AddOpenId()*");
        await nobody.Should().ThrowAsync<OptionsValidationException>().WithMessage("*Duplexity__Auth__Embedded=true*");
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task Beside_another_issuer_its_people_have_its_prefix()
    {
        await using var node = await OpenIdNode.StartAsync(s =>
        {
            s.TrustTestIssuer = true;
            s.Settings["Duplexity:Auth:Keys:tests:Prefix"] = "app-";
            s.Settings["Duplexity:Auth:Oidc:Prefix"] = "staff-";
        });
        await node.AddAsync("amy");
        await node.AddAsync("root", roles: "admin");

        var tokens = await node.SignInAsync("amy");
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Node.Address, "data"), tokens.GetProperty("access_token").GetString()!);

        socket.Welcome.Clients.Should().Equal("staff-amy");
        (await node.UsersAsync("/disable", new { name = "amy" })).Body.GetProperty("client").GetString().Should().Be("staff-amy");
        (await socket.Disconnected).Code.Should().Be(522);
    }
}
