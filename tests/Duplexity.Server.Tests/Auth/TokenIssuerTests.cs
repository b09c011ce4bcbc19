using System.Security.Cryptography;
using Duplexity.Server.Auth;
using Duplexity.Server.Pipes;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

[Trait("Guarantee", "G19")]
public sealed class TokenIssuerTests
{
    [Fact]
    public async Task A_token_names_its_client_its_own_id_and_the_administrator_only_where_asked()
    {
        await using var node = await AuthNode.StartAsync();
        var reader = node.Services.GetRequiredService<TokenReader>();
        var amy = await reader.ReadAsync(node.Tokens.Create("amy", TimeSpan.FromMinutes(1)));
        var root = await reader.ReadAsync(node.Tokens.Create("service:backup", TimeSpan.FromMinutes(1), new(Roles: ["admin"])));

        amy!.Client.Should().Be("amy");
        new AllowanceRules(amy.Allowances).MayAdministerAll.Should().BeFalse();
        amy.Principal.FindFirst("sub")!.Value.Should().Be("amy", "claims keep the names that they have in the token");
        root!.Client.Should().Be("service:backup");
        new AllowanceRules(root.Allowances).MayAdministerAll.Should().BeTrue();
        root.TokenId.Should().NotBeNullOrEmpty().And.NotBe(amy.TokenId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("amy ben")]
    [InlineData("room:amy")]
    [InlineData("Zoe\u0308")]
    public async Task What_cannot_be_a_client_gets_no_token(string client)
    {
        await using var node = await AuthNode.StartAsync();
        node.Tokens.Invoking(tokens => tokens.Create(client, TimeSpan.FromMinutes(1))).Should().Throw<ArgumentException>();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(86401)]
    public async Task A_token_lives_for_a_second_at_least_and_a_day_at_most(int seconds)
    {
        await using var node = await AuthNode.StartAsync();
        node.Tokens.Invoking(tokens => tokens.Create("amy", TimeSpan.FromSeconds(seconds))).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Theory]
    [InlineData("a secret of the service, more than 32 bytes")]
    [InlineData("rsa")]
    [InlineData("ec")]
    public async Task A_configured_signing_key_makes_tokens_that_outlive_the_process(string kind)
    {
        var key = kind switch
        {
            "rsa" => RSA.Create(2048).ExportPkcs8PrivateKeyPem(),
            "ec" => ECDsa.Create(ECCurve.NamedCurves.nistP384).ExportPkcs8PrivateKeyPem(),
            _ => kind,
        };
        await using var before = await AuthNode.StartAsync(options => options.Auth.SigningKey = key, "Production");
        await using var after = await AuthNode.StartAsync(options => options.Auth.SigningKey = key, "Production");
        await using var other = await AuthNode.StartAsync();
        var token = before.Tokens.Create("amy", TimeSpan.FromMinutes(1));

        (await after.Services.GetRequiredService<TokenReader>().ReadAsync(token))!.Client.Should().Be("amy");
        (await other.Services.GetRequiredService<TokenReader>().ReadAsync(token)).Should().BeNull("its key was drawn at its own start");
    }
}
