using System.Globalization;
using System.Security.Cryptography;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// The keys that this node signs with: for the service's own tokens the configured one, else keys that are drawn, kept sealed among the records where these are durable, and changed every 90 days
/// while the older ones go on verifying; in Development one in memory, and one more for the development identity's, under an issuer of its own. The development key exists only there, so that no data
/// folder carries it into production (G6). Thread-safe.
/// </summary>
internal sealed class OwnKeys : IHostedService, IIssuerKeys, IDisposable
{
    /// <summary>The issuer of development tokens; no setting may name it.</summary>
    public const string DevelopmentIssuer = "duplexity-development";

    private const string Kind = "signing-key";

    /// <summary>How long a key signs: as long as a certificate does nowadays.</summary>
    private static readonly TimeSpan Signs = TimeSpan.FromDays(90);

    /// <summary>How long a key is known before it signs: by then every process that looks into the same records has seen it.</summary>
    private static readonly TimeSpan Settles = TimeSpan.FromHours(2);

    /// <summary>How often it is looked whether a new one is due.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <summary>How often at most it is looked because a token names a key that is not known: of nodes that begin together each draws one.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(10);

    private readonly IEngine _engine;
    private readonly Sealing _sealing;
    private readonly TimeProvider _time;
    private readonly ILogger<OwnKeys> _logger;
    private readonly bool _areKept;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile IReadOnlyList<OwnKey> _all;
    private readonly Lock _lookLock = new();
    private ITimer? _timer;
    private Task _looking = Task.CompletedTask;
    private DateTimeOffset _lookedAt;

    public OwnKeys(IOptions<DuplexityOptions> options, IHostEnvironment environment, IEngine engine, Sealing sealing, TimeProvider time, ILogger<OwnKeys> logger)
    {
        (_engine, _sealing, _time, _logger) = (engine, sealing, time, logger);
        Issuer = IssuerOf(options.Value);
        DevelopmentKey = environment.IsDevelopment() ? Drawn() : null;
        var configured = options.Value.Auth.SigningKey is { Length: > 0 } text ? Configured(text) : null;
        _areKept = !environment.IsDevelopment() && configured is null && engine.Records.IsDurable;
        _all = _areKept ? [] : [new(time.GetUtcNow(), configured ?? Drawn())];
        Algorithm = configured is null ? SecurityAlgorithms.EcdsaSha256 : KeyMaterial.SigningAlgorithm(configured);
    }

    /// <summary>The service as an issuer.</summary>
    public string Issuer { get; }

    /// <summary>What all of them sign with.</summary>
    public string Algorithm { get; }

    /// <summary>The one that signs now: the newest that has settled, or where none has, the newest.</summary>
    public SecurityKey Key
    {
        get
        {
            var (all, now) = (_all, _time.GetUtcNow());
            return (all.FirstOrDefault(k => now - k.DrawnAt >= Settles && now - k.DrawnAt < Signs * 2) ?? all.FirstOrDefault())?.Key
                ?? throw new InvalidOperationException("The signing keys are read when the node starts; no token can be made before.");
        }
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_areKept)
        {
            await LookAsync(cancellationToken);
            _timer = _time.CreateTimer(_ => _ = TryLookAsync(), null, Interval, Interval);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _timer?.Dispose();
        _turn.Dispose();
    }

    /// <summary>
    /// Reads the kept keys, newest first, and draws another where the newest has signed long enough; once an hour by itself. A key signs for twice its time at most (while nobody was there to draw
    /// another), and its record ends when the last token does that it can have signed.
    /// </summary>
    public async Task LookAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            var now = _time.GetUtcNow();
            var kept = await ReadAsync(ct);
            if (kept.Count == 0 || now - kept[0].DrawnAt >= Signs)
            {
                using var drawn = ECDsa.Create(ECCurve.NamedCurves.nistP256);
                var (id, text) = (Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), $"{now.ToUnixTimeSeconds()}\n{drawn.ExportPkcs8PrivateKeyPem()}");
                await _engine.Records.PutAsync(Kind, id, _sealing.Seal(Kind, text), now + (Signs * 2) + TokenIssuer.MaxLifetime, ct);
                Log.SigningKeyDrawn(_logger, id);
                kept = await ReadAsync(ct);
            }

            _all = kept;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<SecurityKey>> FindAsync(string? keyId, CancellationToken ct)
    {
        if (_areKept && keyId is not null && _all.All(k => k.Key.KeyId != keyId))
        {
            await LookOnceAsync().WaitAsync(ct);
        }

        return [.. _all.Select(k => k.Key)];
    }

    /// <summary>Null outside Development.</summary>
    public SecurityKey? DevelopmentKey { get; }

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

    private Task LookOnceAsync()
    {
        lock (_lookLock)
        {
            if (_looking.IsCompleted && _time.GetUtcNow() - _lookedAt >= BetweenLooks)
            {
                _lookedAt = _time.GetUtcNow();
                _looking = TryLookAsync();
            }

            return _looking;
        }
    }

    private async Task TryLookAsync()
    {
        try
        {
            await LookAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            // The keys that are known go on signing and verifying; the next look is in an hour.
            Log.SigningKeysNotRead(_logger, e);
        }
    }

    private async Task<IReadOnlyList<OwnKey>> ReadAsync(CancellationToken ct)
    {
        var read = new List<OwnKey>();
        foreach (var (id, sealedText) in await _engine.Records.ListAsync(Kind, ct))
        {
            // What cannot be opened was sealed with a key ring that is gone: then its tokens are over, and a new key signs.
            if (_sealing.Open(Kind, sealedText)?.Split('\n', 2) is [var drawnAt, var pem] && KeyMaterial.TryPem(pem, isPrivate: true, out var key, out _))
            {
                key.KeyId = id;
                read.Add(new(DateTimeOffset.FromUnixTimeSeconds(long.Parse(drawnAt, CultureInfo.InvariantCulture)), key));
            }
        }

        return [.. read.OrderByDescending(k => k.DrawnAt)];
    }

    private sealed record OwnKey(DateTimeOffset DrawnAt, SecurityKey Key);
}
