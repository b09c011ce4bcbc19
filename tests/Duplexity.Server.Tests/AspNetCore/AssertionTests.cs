using System.Security.Cryptography;
using Duplexity.AspNetCore;
using Duplexity.Carriers;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Xunit;

namespace Duplexity.Server.Tests.AspNetCore;

/// <summary>Who the application takes a visitor for (G15).</summary>
[Trait("Guarantee", "G15")]
public sealed class AssertionTests : IAsyncLifetime
{
    private const string Issuer = "https://hub.example.org";

    private readonly ECDsaSecurityKey _key = Key("own");
    private TestNode _node = null!;

    public async Task InitializeAsync()
    {
        var jwk = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(_key);
        _node = await TestNode.StartAsync(n => n.Application = app => app.MapGet(
            "/test-keys", () => Results.Json(new { keys = new object[] { new { kty = jwk.Kty, crv = jwk.Crv, x = jwk.X, y = jwk.Y, kid = jwk.Kid, use = "sig" }, new { kty = "oct", k = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I", kid = "secret" } } })));
    }

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_valid_assertion_names_the_visitor_and_everything_else_names_nobody()
    {
        await using var app = await StartAsync();
        await app.PublicAsync();
        using var visit = await _node.VisitAsync("app").Soon();
        var pipe = app.CameThrough!;
        async Task<string> ThroughAsync(params string[] assertions)
        {
            // No front of this node asserts what the test wants: a connection that the pipe counts among its own says it.
            await using var line = await RawVisitor.ConnectAsync(app.Port);
            using var own = pipe.Use.Opened(new ResourceConnection(line.Socket, Stream.Null));
            return await PublicApp.AskAsync(line, "/who", [.. assertions.Select(a => $"Duplexity-Identity: {a}")]);
        }

        (await ThroughAsync(Assertion())).Should().Be("amy");
        (await ThroughAsync()).Should().Be("nobody");
        foreach (var (what, forged) in Forged("app.localhost"))
        {
            (await ThroughAsync(forged)).Should().Be("nobody", what);
        }

        (await ThroughAsync(Assertion(), Assertion(subject: "eve"))).Should().Be("nobody", "two are none");
        (await app.AskAsync("/who", $"Duplexity-Identity: {Assertion()}")).Should().Be("nobody", "a genuine one that did not come through the pipe was taken from somewhere");
    }

    [Fact]
    public async Task An_application_that_another_program_serves_names_its_hostnames()
    {
        await using var app = await StartAsync(o => o.Hostnames.Add("cat1.example.org"));

        (await app.AskAsync("/who", $"Duplexity-Identity: {Assertion(audience: "cat1.example.org")}")).Should().Be("amy");
        foreach (var (what, forged) in Forged("cat1.example.org"))
        {
            (await app.AskAsync("/who", $"Duplexity-Identity: {forged}")).Should().Be("nobody", what);
        }
    }

    [Fact]
    public async Task Without_the_services_keys_nobody_is_known_and_requests_are_served()
    {
        await using var app = await StartAsync(o =>
        {
            o.KeySet = new Uri(_node.Listening, "/nothing-here");
            o.Hostnames.Add("app.localhost");
        });

        (await app.AskAsync("/who", $"Duplexity-Identity: {Assertion()}")).Should().Be("nobody");
        app.Logs.Lines.Should().Contain(l => l.Event.Name == "KeysUnavailable");
    }

    private IEnumerable<(string What, string Text)> Forged(string host)
    {
        yield return ("signed by another key of the same name", Assertion(audience: host, key: Key("own")));
        yield return ("signed by a key that is not published", Assertion(audience: host, key: Key("other")));
        yield return ("signed with a secret that is published", Assertion(audience: host, key: new SymmetricSecurityKey(Base64UrlEncoder.DecodeBytes("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I")) { KeyId = "secret" }));
        yield return ("over", Assertion(TimeSpan.FromSeconds(-30), host));
        yield return ("without an end", Assertion(default(TimeSpan?), host));
        yield return ("for another hostname", Assertion(audience: "dog1.localhost"));
        yield return ("by another issuer", Assertion(audience: host, issuer: "https://evil.example"));
        yield return ("a token that opens hubs", Assertion(audience: host, type: "at+jwt"));
        yield return ("about nobody", Assertion(audience: host, subject: ""));
        yield return ("not signed", $"{Encode("""{"alg":"none","typ":"duplexity-identity+jwt"}""")}.{Encode($$"""{"iss":"{{Issuer}}","aud":"{{host}}","sub":"amy","exp":9999999999}""")}.");
        yield return ("no JWT", "amy");
        yield return ("very long", new string('x', 5000));
    }

    private static string Encode(string text) => Base64UrlEncoder.Encode(text);

    private static ECDsaSecurityKey Key(string id) => new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = id };

    private string Assertion(string audience = "app.localhost", string subject = "amy", string issuer = Issuer, string type = "duplexity-identity+jwt", SecurityKey? key = null) =>
        Assertion(TimeSpan.FromSeconds(60), audience, subject, issuer, type, key);

    private string Assertion(TimeSpan? ends, string audience = "app.localhost", string subject = "amy", string issuer = Issuer, string type = "duplexity-identity+jwt", SecurityKey? key = null)
    {
        var handler = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false };
        var now = DateTime.UtcNow;
        return handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            Claims = new Dictionary<string, object> { ["sub"] = subject },
            IssuedAt = now.AddMinutes(-2),
            Expires = ends is null ? null : now + ends,
            TokenType = type,
            SigningCredentials = new(key ?? _key, key is SymmetricSecurityKey ? SecurityAlgorithms.HmacSha256 : SecurityAlgorithms.EcdsaSha256),
        });
    }

    private Task<PublicApp> StartAsync(Action<DuplexityIdentityOptions>? configure = null) => PublicApp.StartAsync(
        o => (o.Server, o.Token) = (_node.Address, _ => ValueTask.FromResult<string?>(_node.Token("todd"))),
        services => services.AddAuthentication(DuplexityIdentityDefaults.Scheme).AddDuplexityPipe(o =>
        {
            (o.Server, o.Issuer, o.KeySet) = (_node.Address, Issuer, new Uri(_node.Listening, "/test-keys"));
            configure?.Invoke(o);
        }));
}
