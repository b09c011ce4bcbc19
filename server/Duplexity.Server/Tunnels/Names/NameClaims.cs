using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>How often clients have asked within a minute for names that were not theirs: nobody learns by trying which names there are (G25). Kept by this process. Thread-safe.</summary>
internal sealed class NameClaims(TimeProvider time, IOptions<DuplexityOptions> options)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    /// <summary>How many clients are counted; then those whose minute is over, and if there are none, all are forgotten.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, (long Since, int Count)> _claims = new(StringComparer.Ordinal);

    /// <summary>What a client is told that asks for a name which is not its own; null: it may ask.</summary>
    public DuplexityError? Problem(string client)
    {
        if (!_claims.TryGetValue(client, out var claims) || claims.Count < options.Value.Limits.NameClaims || time.GetElapsedTime(claims.Since) is var since && since >= Window)
        {
            return null;
        }

        return DuplexityError.Of(Errors.RateLimited, $"This client has asked for {claims.Count} names within a minute that it could not have; wait a little.") with
        {
            Limit = "name_claims",
            Used = claims.Count,
            RetryAfterMs = (long)(Window - since).TotalMilliseconds + 1,
        };
    }

    /// <summary>A client was refused a name.</summary>
    public void Refused(string client)
    {
        if (_claims.Count >= Most)
        {
            foreach (var (other, claims) in _claims)
            {
                if (time.GetElapsedTime(claims.Since) >= Window)
                {
                    _claims.TryRemove(other, out _);
                }
            }

            if (_claims.Count >= Most)
            {
                _claims.Clear();
            }
        }

        var now = time.GetTimestamp();
        _claims.AddOrUpdate(client, (now, 1), (_, old) => time.GetElapsedTime(old.Since, now) >= Window ? (now, 1) : (old.Since, old.Count + 1));
    }
}
