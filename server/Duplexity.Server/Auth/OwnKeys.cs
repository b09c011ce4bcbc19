using System.Security.Cryptography;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// The keys that this node signs with: for the service's own tokens the configured one, else keys that are drawn, kept sealed among the records where these are durable, and changed every 90 days
/// while the older ones go on verifying; in Development one in memory, and one more for the development identity's, under an issuer of its own. The development key exists only there, so that no data
/// folder carries it into production (G6). Thread-safe.
/// </summary>
internal sealed class OwnKeys(IOptions<DuplexityOptions> options, IHostEnvironment environment, IEngine engine, Sealing sealing, TimeProvider time) : IHostedService, IIssuerKeys, IDisposable
{
    /// <summary>The issuer of development tokens; no setting may name it.</summary>
    public const string DevelopmentIssuer = "duplexity-development";

    private const string Kind = "signing-key";

    /// <summary>How long a key signs: as long as a certificate does nowadays.</summary>
    private static readonly TimeSpan Signs = TimeSpan.FromDays(90);

    /// <summary>How often it is looked whether a new one is due.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    private volatile IReadOnlyList<SecurityKey> _all = [options.Value.Auth.SigningKey is { Length: > 0 } configured ? Configured(configured) : Drawn()];
    private ITimer? _timer;

    /// <summary>The service as an issuer.</summary>
    public string Issuer { get; } = IssuerOf(options.Value);

    /// <summary>The one that signs now.</summary>
    public SecurityKey Key => _all[0];

    private bool AreKept => !environment.IsDevelopment() && string.IsNullOrEmpty(options.Value.Auth.SigningKey) && engine.Records.IsDurable;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (AreKept)
        {
            await LookAsync(cancellationToken);
            _timer = time.CreateTimer(_ => _ = LookAsync(CancellationToken.None), null, Interval, Interval);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _timer?.Dispose();

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SecurityKey>> FindAsync(string? keyId, CancellationToken ct) => new(_all);

    /// <summary>Null outside Development.</summary>
    public SecurityKey? DevelopmentKey { get; } = environment.IsDevelopment() ? Drawn() : null;

    public static string IssuerOf(DuplexityOptions options) => (options.Url?.AbsoluteUri ?? "http://localhost:5080").TrimEnd('/');

    /// <summary>Reads <see cref="AuthOptions.SigningKey"/>; false, with what is wrong with it, where it is no key.</summary>
    public static bool TryRead(string text, out SecurityKey? key, out string? problem)
    {
        var isPem = KeyMaterial.IsPem(text) || Path.IsPathRooted(text) || text.EndsWith(".pem", StringComparison.OrdinalIgnoreCase);
        return isPem ? KeyMaterial.TryPem(text, isPrivate: true, out key, out problem) : KeyMaterial.TrySecret(text, out key, out problem);
    }

    private static SecurityKey Configured(string text) =>
        TryRead(text, out var key, out var problem) ? key! : throw new InvalidOperationException($"Duplexity:Auth:SigningKey {problem}.");

    private static ECDsaSecurityKey Drawn() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads the kept keys, newest first, and draws another where the newest has signed long enough. One that has not signed for longer than any token lives is not read again.</summary>
    private async Task LookAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var kept = await ReadAsync(ct);
        if (kept.Count == 0 || now - kept[0].DrawnAt >= Signs)
        {
            using var drawn = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var text = $"{now.ToUnixTimeSeconds()}\n{drawn.ExportPkcs8PrivateKeyPem()}";
            await engine.Records.PutAsync(Kind, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), sealing.Seal(Kind, text), now + (Signs * 2) + TokenIssuer.MaxLifetime, ct);
            kept = await ReadAsync(ct);
        }

        _all = [.. kept.Select(k => k.Key)];
    }

    private async Task<List<(DateTimeOffset DrawnAt, SecurityKey Key)>> ReadAsync(CancellationToken ct)
    {
        var read = new List<(DateTimeOffset DrawnAt, SecurityKey Key)>();
        foreach (var (_, sealedText) in await engine.Records.ListAsync(Kind, ct))
        {
            // What cannot be opened was sealed with a key ring that is gone: then its tokens are over, and a new key signs.
            if (sealing.Open(Kind, sealedText)?.Split('\n', 2) is [var drawnAt, var pem] && KeyMaterial.TryPem(pem, isPrivate: true, out var key, out _))
            {
                read.Add((DateTimeOffset.FromUnixTimeSeconds(long.Parse(drawnAt, System.Globalization.CultureInfo.InvariantCulture)), key));
            }
        }

        return [.. read.OrderByDescending(k => k.DrawnAt)];
    }
}
