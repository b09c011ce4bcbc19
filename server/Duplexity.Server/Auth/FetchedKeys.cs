using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// An issuer's published key set (JWKS), at its address or where the issuer's discovery document says. Fetched when a token names a key that is not known, at most once a minute whatever comes in, and when it is an hour
/// old, so that a key which the issuer took back does not stay good for ever.
/// </summary>
internal sealed class FetchedKeys(string issuer, Uri address, TimeProvider time, ILogger logger, bool isDiscovery = false) : IIssuerKeys, IDisposable
{
    private const int MaxKeys = 100;
    private static readonly TimeSpan BetweenFetches = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Freshness = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // No redirect: the address is configured, and an answer must not lead to another. The size is some hundred keys'.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
    {
        MaxResponseContentBufferSize = 256 * 1024,
        Timeout = Patience,
    };

    private readonly Lock _gate = new();
    private volatile IReadOnlyList<JsonWebKey> _keys = [];
    private DateTimeOffset? _triedAt;
    private DateTimeOffset? _fetchedAt;
    private Task _fetch = Task.CompletedTask;

    public async ValueTask<IReadOnlyList<SecurityKey>> FindAsync(string? keyId, CancellationToken ct)
    {
        var found = Find(keyId);
        if (NeededFetch(isKnown: found.Count > 0) is not { } fetch)
        {
            return found;
        }

        await fetch.WaitAsync(ct);
        return Find(keyId);
    }

    public void Dispose() => _http.Dispose();

    private IReadOnlyList<JsonWebKey> Find(string? keyId) => keyId is null ? _keys : [.. _keys.Where(key => key.Kid == keyId)];

    private Task? NeededFetch(bool isKnown)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (isKnown && now - _fetchedAt < Freshness)
            {
                return null;
            }

            if (!_fetch.IsCompleted)
            {
                return _fetch;
            }

            if (now - _triedAt < BetweenFetches)
            {
                return null;
            }

            // Not under the caller's cancellation: a stranger who hangs up would use up the minute's only fetch.
            _triedAt = now;
            return _fetch = Task.Run(FetchAsync, CancellationToken.None);
        }
    }

    private async Task FetchAsync()
    {
        try
        {
            var set = new JsonWebKeySet(await _http.GetStringAsync(await AddressAsync()));
            JsonWebKey[] keys = [.. set.Keys.Where(KeyMaterial.IsUsable).Take(MaxKeys)];
            _keys = keys;
            lock (_gate)
            {
                _fetchedAt = time.GetUtcNow();
            }

            Log.KeySetFetched(logger, issuer, keys.Length);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or ArgumentException or System.Text.Json.JsonException or InvalidOperationException)
        {
            Log.KeySetUnavailable(logger, e, issuer, address);
        }
    }

    private async Task<Uri> AddressAsync()
    {
        if (!isDiscovery)
        {
            return address;
        }

        var document = OpenIdConnectConfiguration.Create(await _http.GetStringAsync(address));
        return document.Issuer?.TrimEnd('/') == issuer && Uri.TryCreate(document.JwksUri, UriKind.Absolute, out var keys) && AuthOptionsCheck.IsKeySetAddress(document.JwksUri)
            ? keys
            : throw new InvalidOperationException($"{address} is not what {issuer} says of itself, or names no key set that is reached by https.");
    }
}
