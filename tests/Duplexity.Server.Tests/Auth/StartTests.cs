using System.Security.Cryptography;
using FluentAssertions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Settings with which a node must not start, each with what its message has to say.</summary>
[Trait("Guarantee", "G19")]
public sealed class StartTests
{
    private static readonly string PublicPem = RSA.Create(2048).ExportSubjectPublicKeyInfoPem();

    public static TheoryData<string> Refused => new(Settings.Keys);

    private static Dictionary<string, (Action<DuplexityOptions> Configure, string Message)> Settings { get; } = new()
    {
        ["no issuer"] = (o => o.Auth.Keys.Clear(), "*Duplexity__Auth__Keys__app__Issuer=*Duplexity__Auth__Keys__app__Secret=*Duplexity__Auth__SigningKey=*ASPNETCORE_ENVIRONMENT=Development*"),
        ["key without issuer"] = (o => o.Auth.Keys["app"].Issuer = null, "*Duplexity:Auth:Keys:app:Issuer is missing*"),
        ["key without key"] = (o => o.Auth.Keys["app"].Secret = null, "*Duplexity:Auth:Keys:app has no key*Secret*Pem*Jwks*"),
        ["two keys in one"] = (o => o.Auth.Keys["app"].Pem = PublicPem, "*Duplexity:Auth:Keys:app has Secret and Pem*"),
        ["short secret"] = (o => o.Auth.Keys["app"].Secret = "31 bytes, which is one too few.", "*Duplexity:Auth:Keys:app:Secret has 31 bytes*openssl rand*"),
        ["unreadable PEM"] = (o => Pem(o, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), "*Duplexity:Auth:Keys:app:Pem is neither*"),
        ["PEM file that is not there"] = (o => Pem(o, "no-such-file.pem"), "*Duplexity:Auth:Keys:app:Pem is neither PEM text nor the path of a readable PEM file*"),
        ["private PEM"] = (o => Pem(o, RSA.Create(2048).ExportPkcs8PrivateKeyPem()), "*Duplexity:Auth:Keys:app:Pem holds a private key*"),
        ["small RSA key"] = (o => Pem(o, RSA.Create(1024).ExportSubjectPublicKeyInfoPem()), "*Duplexity:Auth:Keys:app:Pem is an RSA key of 1024 bits*"),
        ["key set over plain HTTP"] = (o => Jwks(o, "http://id.example.org/keys"), "*Duplexity:Auth:Keys:app:Jwks must be an https address*"),
        ["key set at a name that may be anything"] = (o => Jwks(o, "http://localhost/keys"), "*Duplexity:Auth:Keys:app:Jwks must be an https address*"),
        ["the service as a foreign issuer"] = (o => o.Auth.Keys["app"].Issuer = "http://localhost:5080", "*is this service's own*"),
        ["the development identity as an issuer"] = (o => o.Auth.Keys["app"].Issuer = "duplexity-development", "*is this service's own*"),
        ["two issuers without prefixes"] = (o => o.Auth.Keys["shop"] = Shop(null), "*Duplexity:Auth:Keys:app:Prefix is missing*Duplexity:Auth:Keys:shop:Prefix is missing*"),
        ["two issuers, one prefix"] = (o => Prefixed(o, "a-", "a-"), "*begins with*"),
        ["a prefix that begins another"] = (o => Prefixed(o, "a", "ab"), "*Duplexity:Auth:Keys:shop:Prefix \"ab\" begins with \"a\"*"),
        ["a prefix with a colon"] = (o => Prefixed(o, "service:", "b-"), "*Duplexity:Auth:Keys:app:Prefix cannot begin a client's name*"),
        ["one issuer, two prefixes"] = (o => { Prefixed(o, "a-", "b-"); o.Auth.Keys["shop"].Issuer = AuthNode.AppIssuer; }, "*are keys of one issuer with different Prefix*"),
        ["mutable claim email"] = (o => o.Auth.CidClaim = "email", "*CidClaim is \"email\"*"),
        ["mutable claim name"] = (o => o.Auth.CidClaim = "Name", "*CidClaim is \"Name\"*"),
        ["mutable claim preferred_username"] = (o => o.Auth.CidClaim = "preferred_username", "*CidClaim is \"preferred_username\"*\"sub\"*"),
        ["empty audience"] = (o => o.Auth.Audience = "", "*Duplexity:Auth:Audience is empty*"),
        ["short signing key"] = (o => o.Auth.SigningKey = "short", "*Duplexity:Auth:SigningKey has 5 bytes*"),
        ["public signing key"] = (o => o.Auth.SigningKey = PublicPem, "*Duplexity:Auth:SigningKey is not a private key*"),
        ["every origin"] = (o => o.Origins.Add("*"), "*Duplexity:Origins has \"*\": every page of the web*"),
        ["origins by pattern"] = (o => o.Origins.Add("https://*.example.org"), "*every page of the web*"),
        ["origin null"] = (o => o.Origins.Add("null"), "*Duplexity:Origins has \"null\", which is not an origin*"),
        ["origin with a path"] = (o => o.Origins.Add("https://app.example.org/chat"), "*which is not an origin*"),
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_node_does_not_start_under_settings_that_let_nobody_or_anybody_in(string what)
    {
        var (configure, message) = Settings[what];
        var start = () => AuthNode.StartWithAppKeyAsync(configure: configure);

        (await start.Should().ThrowAsync<OptionsValidationException>().WithMessage(message))
            .Which.Message.Should().NotContain("AAAA", "a message must not quote what may be a key");
    }

    [Fact]
    public async Task In_Development_no_issuer_is_needed_and_one_key_of_ones_own_is_enough_elsewhere()
    {
        await using var development = await AuthNode.StartAsync();
        await using var own = await AuthNode.StartAsync(options => options.Auth.SigningKey = AuthNode.AppSecret, "Production");
        await using var twoKeys = await AuthNode.StartWithAppKeyAsync(configure: options => options.Auth.Keys["next"] = new() { Issuer = AuthNode.AppIssuer, Pem = PublicPem });
    }

    [Fact]
    public async Task Who_says_in_words_that_a_claim_may_change_hands_gets_it()
    {
        await using var node = await AuthNode.StartWithAppKeyAsync(configure: options => (options.Auth.CidClaim, options.Auth.CidClaimMayChangeHands) = ("email", true));

        var token = new HandmadeToken(DateTimeOffset.UtcNow).With("email", "amy@example.org").Hmac();
        (await node.GetAsync("/data", token)).Body.Should().Be("amy@example.org");
    }

    private static void Pem(DuplexityOptions options, string pem) => options.Auth.Keys["app"] = new() { Issuer = AuthNode.AppIssuer, Pem = pem };

    private static void Jwks(DuplexityOptions options, string address) => options.Auth.Keys["app"] = new() { Issuer = AuthNode.AppIssuer, Jwks = address };

    private static IssuerKey Shop(string? prefix) => new() { Issuer = "https://shop.test", Secret = AuthNode.AppSecret, Prefix = prefix };

    private static void Prefixed(DuplexityOptions options, string app, string shop)
    {
        options.Auth.Keys["app"].Prefix = app;
        options.Auth.Keys["shop"] = Shop(shop);
    }
}
