using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Testing;

/// <summary>
/// An OpenID provider on a real Kestrel that signs in whoever it is told to, without asking (as one with a session of its own does), and that can be told to lie.
/// </summary>
internal sealed class TestProvider : IAsyncDisposable
{
    private ECDsaSecurityKey _key = new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = "k1" };
    private readonly ConcurrentDictionary<string, (string Nonce, string Challenge, string Client, string Redirect)> _codes = new();
    private readonly ConcurrentDictionary<string, string> _refresh = new();
    private readonly WebApplication _app;

    private TestProvider()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Use(async (context, next) =>
        {
            if (IsAway)
            {
                context.Response.StatusCode = 503;
                return;
            }

            await next(context);
        });
        _app.MapGet("/.well-known/openid-configuration", () => Results.Json(new
        {
            issuer = Issuer,
            authorization_endpoint = $"{Issuer}/authorize",
            token_endpoint = $"{Issuer}/token",
            jwks_uri = $"{Issuer}/keys",
        }));
        _app.MapGet("/keys", () =>
        {
            var point = _key.ECDsa.ExportParameters(false).Q;
            return Results.Json(new { keys = new[] { new { kty = "EC", crv = "P-256", kid = _key.KeyId, x = Base64UrlEncoder.Encode(point.X), y = Base64UrlEncoder.Encode(point.Y) } } });
        });
        _app.MapGet("/authorize", (HttpContext context) =>
        {
            var query = context.Request.Query;
            var code = Guid.NewGuid().ToString("n");
            _codes[code] = (query["nonce"].ToString(), query["code_challenge"].ToString(), context.Request.Cookies["who"] ?? SignsIn, query["redirect_uri"].ToString());
            return Results.Redirect($"{query["redirect_uri"]}?code={code}&state={query["state"]}&iss={Uri.EscapeDataString(SaysItIs ?? Issuer)}");
        });
        _app.MapPost("/token", async (HttpContext context) =>
        {
            var form = await context.Request.ReadFormAsync();
            if (form["grant_type"] == "refresh_token")
            {
                Refreshes++;
                return _refresh.TryRemove(form["refresh_token"].ToString(), out var who) && !Disabled.Contains(who) ? Tokens(who, null) : Results.BadRequest(new { error = "invalid_grant" });
            }

            var isGood = _codes.TryRemove(form["code"].ToString(), out var left) && left.Redirect == form["redirect_uri"]
                && Base64UrlEncoder.Encode(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) == left.Challenge
                && context.Request.Headers.Authorization == "Basic " + Convert.ToBase64String("duplexity:secret%2Fwith%3Asigns"u8);
            return isGood ? Tokens(left.Client, left.Nonce) : Results.BadRequest(new { error = "invalid_grant" });
        });
    }

    public string Issuer => _app.Urls.First();

    /// <summary>Signs with another key from now on, and forgets the one before.</summary>
    public void ChangeKey(string id) => _key = new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = id };

    /// <summary>Who signs in in a browser without a cookie <c>who</c>.</summary>
    public string SignsIn { get; set; } = "amy";

    /// <summary>Changes an ID token before it is signed.</summary>
    public Action<Dictionary<string, object>>? Lie { get; set; }

    /// <summary>Puts another token in the place of the signed one.</summary>
    public Func<string, string>? Forge { get; set; }

    /// <summary>The <c>iss</c> parameter of its answers, if not its own.</summary>
    public string? SaysItIs { get; set; }

    public bool IsAway { get; set; }

    public int Refreshes { get; private set; }

    public HashSet<string> Disabled { get; } = [];

    public static async Task<TestProvider> StartAsync()
    {
        var provider = new TestProvider();
        await provider._app.StartAsync();
        return provider;
    }

    /// <summary>Settings of a node whose people sign in here.</summary>
    public void Configure(IDictionary<string, string?> settings)
    {
        settings["Duplexity:Auth:Oidc:Authority"] = Issuer;
        settings["Duplexity:Auth:Oidc:ClientId"] = "duplexity";
        settings["Duplexity:Auth:Oidc:ClientSecret"] = "secret/with:signs";
    }

    /// <summary>An access token as providers make that make JWTs, for whatever <paramref name="audience"/>; <paramref name="claims"/> are added or replace the usual ones.</summary>
    public string AccessToken(string subject, string audience, string type = "at+jwt", params (string Name, object Value)[] claims)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var payload = new Dictionary<string, object> { ["iss"] = Issuer, ["aud"] = audience, ["sub"] = subject, ["client_id"] = "a-page", ["scope"] = "chat", ["iat"] = now, ["exp"] = now + 300 };
        foreach (var (name, value) in claims)
        {
            payload[name] = value;
        }

        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(
            JsonSerializer.Serialize(payload), new SigningCredentials(_key, SecurityAlgorithms.EcdsaSha256), new Dictionary<string, object> { ["typ"] = type });
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.ECDsa.Dispose();
    }

    private IResult Tokens(string client, string? nonce)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new Dictionary<string, object> { ["iss"] = Issuer, ["aud"] = "duplexity", ["sub"] = client, ["iat"] = now, ["exp"] = now + 300, ["roles"] = new[] { "member" } };
        if (nonce is not null)
        {
            claims["nonce"] = nonce;
        }

        Lie?.Invoke(claims);
        var token = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(JsonSerializer.Serialize(claims), new SigningCredentials(_key, SecurityAlgorithms.EcdsaSha256));
        var refresh = Guid.NewGuid().ToString("n");
        _refresh[refresh] = client;
        return Results.Json(new { access_token = "opaque", token_type = "Bearer", id_token = Forge?.Invoke(token) ?? token, refresh_token = refresh });
    }
}
