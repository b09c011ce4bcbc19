using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>An issuer that publishes its key set, when it pleases.</summary>
internal sealed class KeySetServer : IAsyncDisposable
{
    public const string Issuer = "https://slow.example";

    private readonly ECDsaSecurityKey _key = new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = "k1" };
    private readonly WebApplication _app;

    private KeySetServer(Func<Task> beforeAnswer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapGet("/keys", async () =>
        {
            await beforeAnswer();
            var key = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(new ECDsaSecurityKey(ECDsa.Create(_key.ECDsa.ExportParameters(false))) { KeyId = "k1" });
            return JsonSerializer.Serialize(new { keys = new[] { new { kty = key.Kty, crv = key.Crv, x = key.X, y = key.Y, kid = "k1" } } });
        });
    }

    public string Address => _app.Urls.First() + "/keys";

    public static async Task<KeySetServer> StartAsync(Func<Task> beforeAnswer)
    {
        var server = new KeySetServer(beforeAnswer);
        await server._app.StartAsync();
        return server;
    }

    public string Token(string client) => new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
    {
        Issuer = Issuer,
        Audience = "duplexity",
        Claims = new Dictionary<string, object> { ["sub"] = client },
        Expires = DateTime.UtcNow.AddHours(1),
        SigningCredentials = new(_key, SecurityAlgorithms.EcdsaSha256),
    });

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.ECDsa.Dispose();
    }
}
