using System.Collections.Concurrent;
using System.Net;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId.Users;

/// <summary>Wrong passwords by the address that they came from: one address tries a few, not a dictionary. Thread-safe; bounded.</summary>
internal sealed class FailedAttempts(TimeProvider time, IOptions<OpenIdOptions> options)
{
    private const int Kept = 10_000;

    private readonly ConcurrentDictionary<IPAddress, (int Count, DateTimeOffset Since)> _counts = new();

    /// <summary>Whether an address has to wait.</summary>
    public bool IsExhausted(IPAddress address) =>
        _counts.TryGetValue(PeerAddresses.NetworkOf(address), out var there) && there.Count >= options.Value.FailuresPerAddress && !IsOver(there.Since);

    /// <summary>One more.</summary>
    public void Count(IPAddress address)
    {
        var now = time.GetUtcNow();
        if (_counts.Count >= Kept)
        {
            // Those that are over first; under an attack from everywhere all of them: each user's own lock-out stands.
            foreach (var (old, there) in _counts)
            {
                if (IsOver(there.Since))
                {
                    _counts.TryRemove(old, out _);
                }
            }

            if (_counts.Count >= Kept)
            {
                _counts.Clear();
            }
        }

        _counts.AddOrUpdate(PeerAddresses.NetworkOf(address), (1, now), (_, there) => IsOver(there.Since) ? (1, now) : (there.Count + 1, there.Since));
    }

    private bool IsOver(DateTimeOffset since) => time.GetUtcNow() - since >= options.Value.LockOut;
}
