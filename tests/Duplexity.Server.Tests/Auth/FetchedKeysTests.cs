using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Tokens;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

[Trait("Guarantee", "G19")]
public sealed class FetchedKeysTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2031, 5, 4, 12, 0, 0, TimeSpan.Zero));
    private readonly ConcurrentDictionary<string, JsonWebKey> _published = new();
    private WebApplication _issuer = null!;
    private AuthNode _node = null!;
    private int _fetches;
    private int _status = 200;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _issuer = builder.Build();
        _issuer.MapGet("/keys", async (HttpContext context) =>
        {
            Interlocked.Increment(ref _fetches);
            context.Response.StatusCode = _status;
            var keys = _published.Values.Select(key => new { kty = key.Kty, kid = key.Kid, use = key.Use, n = key.N, e = key.E, k = key.K });
            await context.Response.WriteAsync(JsonSerializer.Serialize(new { keys }));
        });
        await _issuer.StartAsync();
        _node = await AuthNode.StartAsync(
            options => options.Auth.Keys["app"] = new() { Issuer = AuthNode.AppIssuer, Jwks = _issuer.Urls.First() + "/keys" }, "Production", _time);
    }

    public async Task DisposeAsync()
    {
        await _node.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task An_unknown_key_id_fetches_the_key_set_at_most_once_a_minute()
    {
        var first = Publish("k1");
        (await WhoAsync("k1", first)).Should().Be(HttpStatusCode.OK);
        _fetches.Should().Be(1);

        // Fifty strangers at once with ids of their own, and a rotation that the issuer has just made.
        var second = Publish("k2");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => WhoAsync($"stranger-{i}", first)));
        (await WhoAsync("k2", second)).Should().Be(HttpStatusCode.Unauthorized);
        _fetches.Should().Be(1);

        _time.Advance(TimeSpan.FromMinutes(1));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => WhoAsync("k2", second)));
        answers.Should().AllBeEquivalentTo(HttpStatusCode.OK);
        _fetches.Should().Be(2, "those who come while it is fetched wait for the same answer");
    }

    [Fact]
    public async Task A_key_that_the_issuer_took_back_ends_within_the_hour_and_an_issuer_that_is_away_ends_nothing()
    {
        var key = Publish("k1");
        (await WhoAsync("k1", key)).Should().Be(HttpStatusCode.OK);

        _status = 500;
        _time.Advance(TimeSpan.FromHours(1));
        (await WhoAsync("k1", key)).Should().Be(HttpStatusCode.OK);

        _status = 200;
        _published.Clear();
        _time.Advance(TimeSpan.FromMinutes(1));
        (await WhoAsync("k1", key)).Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Only_public_keys_for_signatures_are_taken_from_a_key_set()
    {
        var encryption = Publish("enc", use: "enc");
        var small = Publish("small", bits: 1024);
        _published["shared"] = new JsonWebKey { Kty = "oct", Kid = "shared", K = Base64UrlEncoder.Encode(AuthNode.AppSecret) };

        (await WhoAsync("enc", encryption)).Should().Be(HttpStatusCode.Unauthorized);
        (await WhoAsync("small", small)).Should().Be(HttpStatusCode.Unauthorized);
        (await _node.GetAsync("/data", Good().WithHeader("kid", "shared").Hmac())).Status.Should().Be(HttpStatusCode.Unauthorized);
        _fetches.Should().Be(1);
    }

    private RSA Publish(string id, string use = "sig", int bits = 2048)
    {
        var rsa = RSA.Create(bits);
        var key = rsa.ExportParameters(false);
        _published[id] = new JsonWebKey { Kty = "RSA", Kid = id, Use = use, N = Base64UrlEncoder.Encode(key.Modulus), E = Base64UrlEncoder.Encode(key.Exponent) };
        return rsa;
    }

    private async Task<HttpStatusCode> WhoAsync(string keyId, RSA key) => (await _node.GetAsync("/data", Good().WithHeader("kid", keyId).Rsa(key))).Status;

    private HandmadeToken Good() => new(_time.GetUtcNow());
}
