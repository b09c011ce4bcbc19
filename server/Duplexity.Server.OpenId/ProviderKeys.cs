using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Server;

namespace Duplexity.Server.OpenId;

/// <summary>
/// What the provider signs ID tokens with (RS256: what every client knows) and seals codes and refresh tokens with. Drawn once, kept, changed every 90 days; the older ones go on verifying and opening. Thread-safe.
/// </summary>
internal sealed class ProviderKeys(KeptKeys kept, TimeProvider time, IOptions<DuplexityOptions> options)
    : IConfigureOptions<OpenIddictServerOptions>, IOptionsChangeTokenSource<OpenIddictServerOptions>, IDisposable
{
    private const string Kind = "openid-key";
    private const int RsaBits = 2048;
    private const int SealBytes = 32;

    /// <summary>How long a key stands in the key set before it signs: programs look there once or twice a day, and not all of them look again for a key that they do not know.</summary>
    private static readonly TimeSpan Published = TimeSpan.FromDays(1);

    // The one that signs and seals first.
    private volatile IReadOnlyList<(RsaSecurityKey Signs, SymmetricSecurityKey Seals)> _all = [];
    private readonly SemaphoreSlim _looking = new(1, 1);
    private CancellationTokenSource _changed = new();
    private IReadOnlyList<string> _read = [];
    private ITimer? _timer;

    public string Name => Options.DefaultName;

    /// <summary>Reads the keys, or draws the first; from now on looks whether another is due.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        await LookAsync(ct);
        _timer = time.CreateTimer(_ => _ = LookAsync(CancellationToken.None), null, KeptKeys.Interval, KeptKeys.Interval);
    }

    /// <summary>Reads them again, draws another where the newest is too old, and lets it sign when it has been known for long enough.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        // One look at a time: whoever has looked knows that what was found is in use.
        await _looking.WaitAsync(ct);
        try
        {
            await LookAloneAsync(ct);
        }
        finally
        {
            _looking.Release();
        }
    }

    public void Configure(OpenIddictServerOptions server)
    {
        foreach (var (signs, seals) in _all)
        {
            server.SigningCredentials.Add(new SigningCredentials(signs, SecurityAlgorithms.RsaSha256));
            server.EncryptionCredentials.Add(new EncryptingCredentials(seals, SecurityAlgorithms.Aes256KW, SecurityAlgorithms.Aes256CbcHmacSha512));
        }
    }

    public IChangeToken GetChangeToken() => new CancellationChangeToken(_changed.Token);

    public void Dispose()
    {
        _timer?.Dispose();
        _looking.Dispose();
        _changed.Dispose();
    }

    private async Task LookAloneAsync(CancellationToken ct)
    {
        var all = await kept.LookAsync(Kind, Draw, options.Value.Times.SignedIn, ct);
        var known = time.GetUtcNow() - Published;
        var now = all.Where(k => k.DrawnAt <= known).Append(all[^1]).First();
        string[] read = [now.Text, .. all.Select(k => k.Text).Where(text => text != now.Text)];
        if (read.SequenceEqual(_read))
        {
            return;
        }

        (_read, _all) = (read, [.. read.Select(Read)]);
        using var before = Interlocked.Exchange(ref _changed, new CancellationTokenSource());
        await before.CancelAsync();
    }

    private static string Draw()
    {
        using var rsa = RSA.Create(RsaBits);
        return $"{Convert.ToBase64String(RandomNumberGenerator.GetBytes(SealBytes))}\n{rsa.ExportPkcs8PrivateKeyPem()}";
    }

    private static (RsaSecurityKey, SymmetricSecurityKey) Read(string text)
    {
        var parts = text.Split('\n', 2);
        var rsa = RSA.Create();
        rsa.ImportFromPem(parts[1]);

        // Named by themselves, so that a token finds its key after any number of changes.
        var seal = Convert.FromBase64String(parts[0]);
        var signs = new RsaSecurityKey(rsa);
        signs.KeyId = Base64UrlEncoder.Encode(signs.ComputeJwkThumbprint());
        return (signs, new SymmetricSecurityKey(seal) { KeyId = Base64UrlEncoder.Encode(SHA256.HashData(seal)) });
    }
}
