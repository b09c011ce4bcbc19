using System.Collections.Concurrent;
using Duplexity.AspNetCore.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.AspNetCore.Identities;

/// <summary>
/// The keys that services publish. Fetched when an assertion names one that is not known, at most every ten seconds whatever comes in, and when they are an hour old, so that one which was taken back does not stay good
/// for ever. Thread-safe.
/// </summary>
internal sealed class AssertionKeys(TimeProvider time, ILogger<AssertionKeys> logger) : IDisposable
{
    private const string Path = "auth/jwks";

    private static readonly TimeSpan BetweenFetches = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Freshness = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // No redirect: the address is configured, and an answer must not lead to another. The size is some hundred keys'.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
    {
        MaxResponseContentBufferSize = 256 * 1024,
        Timeout = Patience,
    };

    // One entry a service, and those are configured.
    private readonly ConcurrentDictionary<Uri, KeySet> _sets = new();

    /// <summary>The keys of <paramref name="server"/> that may have signed with <paramref name="keyId"/>.</summary>
    public async ValueTask<IReadOnlyList<SecurityKey>> FindAsync(Uri server, Uri? address, string? keyId, CancellationToken ct)
    {
        var set = _sets.GetOrAdd(address ?? new Uri(server.AbsolutePath.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/"), Path), static at => new KeySet(at));
        if (FetchOf(set, keyId) is { } fetch)
        {
            await fetch.WaitAsync(ct);
        }

        return Find(set, keyId);
    }

    public void Dispose() => _http.Dispose();

    private static IReadOnlyList<SecurityKey> Find(KeySet set, string? keyId) => string.IsNullOrEmpty(keyId) ? set.Keys : [.. set.Keys.Where(k => k.KeyId == keyId)];

    private Task? FetchOf(KeySet set, string? keyId)
    {
        lock (set.Gate)
        {
            var now = time.GetUtcNow();
            if (Find(set, keyId).Count > 0 && now - set.FetchedAt < Freshness)
            {
                return null;
            }

            if (set.Fetch.IsCompleted && !(now - set.TriedAt < BetweenFetches))
            {
                // Not under the caller's cancellation: a visitor who hangs up would use up the only fetch.
                set.TriedAt = now;
                set.Fetch = Task.Run(() => FetchAsync(set), CancellationToken.None);
            }

            return set.Fetch;
        }
    }

    private async Task FetchAsync(KeySet set)
    {
        try
        {
            var fetched = new JsonWebKeySet(await _http.GetStringAsync(set.Address));

            // Secrets have no place in what is published: one that is there would let whoever read it sign.
            var keys = fetched.Keys.Where(k => k.Kty is JsonWebAlgorithmsKeyTypes.EllipticCurve or JsonWebAlgorithmsKeyTypes.RSA).ToArray();
            lock (set.Gate)
            {
                (set.Keys, set.FetchedAt) = (keys, time.GetUtcNow());
            }
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or ArgumentException or System.Text.Json.JsonException)
        {
            Log.KeysUnavailable(logger, set.Address, e);
        }
    }

    private sealed class KeySet(Uri address)
    {
        public Lock Gate { get; } = new();

        public Uri Address => address;

        public SecurityKey[] Keys { get; set; } = [];

        public DateTimeOffset? TriedAt { get; set; }

        public DateTimeOffset? FetchedAt { get; set; }

        public Task Fetch { get; set; } = Task.CompletedTask;
    }
}
