namespace Duplexity.Server.Channels;

/// <summary>
/// Keys that were tried at lockspaces, by client and lockspace: who is held tries a few, not a dictionary, and on another socket no more. A try counts before it is looked at, so that many at once are as many
/// as one after the other. Thread-safe; bounded.
/// </summary>
internal sealed class KeyTries(TimeProvider time, DuplexityOptions options)
{
    /// <summary>Clients and lockspaces that are counted at once; while all of these count, others wait: their owner can let them out.</summary>
    private const int Kept = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Client, string Lockspace), (int Count, DateTimeOffset Since)> _tries = [];

    /// <summary>Counts a try; an error where there have been too many.</summary>
    public DuplexityError? Take(string client, string lockspace)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            if (_tries.Count >= Kept)
            {
                foreach (var over in _tries.Where(t => now - t.Value.Since >= options.Locks.KeyWindow).Select(t => t.Key).ToArray())
                {
                    _tries.Remove(over);
                }
            }

            var isThere = _tries.TryGetValue((client, lockspace), out var there) && now - there.Since < options.Locks.KeyWindow;
            var (count, since) = isThere ? there : (0, now);
            if (count >= options.Locks.KeyTries || (!isThere && _tries.Count >= Kept))
            {
                return TooMany(count, since + options.Locks.KeyWindow - now);
            }

            _tries[(client, lockspace)] = (count + 1, since);
            return null;
        }
    }

    /// <summary>The key was right: the next time begins anew.</summary>
    public void Forget(string client, string lockspace)
    {
        lock (_lock)
        {
            _tries.Remove((client, lockspace));
        }
    }

    private static DuplexityError TooMany(int used, TimeSpan wait) => DuplexityError.Of(Errors.RateLimited, "Too many wrong keys; wait, then try again, or ask the lockspace's owner.") with
    {
        Limit = "wrong_keys",
        Used = used,
        RetryAfterMs = (long)Math.Ceiling(wait.TotalMilliseconds),
    };
}
