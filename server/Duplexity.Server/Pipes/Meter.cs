using System.Threading.RateLimiting;

namespace Duplexity.Server.Pipes;

/// <summary>
/// How much a client has sent from one socket, against the rates of its allowances. It outlives a renewal of the token and a change of the limits: neither
/// gives back what was used. Thread-safe.
/// </summary>
internal sealed class Meter
{
    private readonly Lock _lock = new();
    private Bucket? _messages;
    private Bucket? _bytes;
    private long _sent;

    /// <summary>Messages taken since the client is on the socket.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Counts a message of so many bytes; the refusal names the limit, its use and when it frees. A trial counts nothing.</summary>
    public DuplexityError? Take(AllowanceRules rules, int size, bool isTrial)
    {
        var refused = Charge(rules, size, isTrial);
        if (refused is null && !isTrial)
        {
            Interlocked.Increment(ref _sent);
        }

        return refused;
    }

    /// <summary>Counts a call that is no message and costs as much as one, such as taking a lock.</summary>
    public DuplexityError? TakeCall(AllowanceRules rules) => Charge(rules, 0, isTrial: false);

    /// <summary>Whether nothing is used of any rate.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return (_messages?.Used ?? 0) == 0 && (_bytes?.Used ?? 0) == 0;
            }
        }
    }

    /// <summary>What is used now of the rates; 0 where there is none.</summary>
    public (long Messages, long Bytes) Use(AllowanceRules rules)
    {
        lock (_lock)
        {
            Fit(rules);
            return (_messages?.Used ?? 0, _bytes?.Used ?? 0);
        }
    }

    private DuplexityError? Charge(AllowanceRules rules, int size, bool isTrial)
    {
        if (rules.Limits is { Messages: null, Bytes: null })
        {
            return null;
        }

        lock (_lock)
        {
            Fit(rules);
            if ((_messages?.Check("messages_per_window", "messages", 1) ?? _bytes?.Check("bytes_per_window", "bytes", size)) is { } refused)
            {
                return refused;
            }

            if (!isTrial)
            {
                _messages?.Take(1);
                _bytes?.Take(size);
            }

            return null;
        }
    }

    private void Fit(AllowanceRules rules)
    {
        _messages = Bucket.Fit(_messages, rules.Limits.Messages, rules.Window);
        _bytes = Bucket.Fit(_bytes, rules.Limits.Bytes, rules.Window);
    }

    /// <summary>A token bucket that holds one window's worth and fills evenly: a burst may use it whole, and then it goes on at the rate.</summary>
    private sealed class Bucket(int limit, TimeSpan window)
    {
        private TokenBucketRateLimiter? _limiter;

        public long Used
        {
            get
            {
                _limiter?.TryReplenish();
                var used = limit - (_limiter?.GetStatistics()!.CurrentAvailablePermits ?? limit);
                if (used == 0)
                {
                    // A full one goes on counting the time for which it has no room, and gives that back at once after the next burst (seen): the next burst has a fresh one.
                    _limiter?.Dispose();
                    _limiter = null;
                }

                return used;
            }
        }

        /// <summary>The bucket for a limit: the one there is, or a new one in which as much is used as in the old one.</summary>
        public static Bucket? Fit(Bucket? bucket, int? limit, TimeSpan window)
        {
            if (limit is null || bucket?.Is(limit.Value, window) == true)
            {
                return limit is null ? null : bucket;
            }

            var fitted = new Bucket(limit.Value, window);
            fitted.Take((int)Math.Min(limit.Value, bucket?.Used ?? 0));
            return fitted;
        }

        public DuplexityError? Check(string name, string what, int count)
        {
            var used = Used;
            if (count <= limit - used)
            {
                return null;
            }

            var error = DuplexityError.Of(Errors.RateLimited, count > limit
                ? $"The message alone has {count} {what}; {limit} are allowed in {window.TotalSeconds:0.###} s."
                : $"{used} of {limit} {what} in {window.TotalSeconds:0.###} s are used.");
            return error with
            {
                Limit = name,
                Used = used,
                RetryAfterMs = count > limit ? null : (long)Math.Ceiling((count - (limit - used)) * window.TotalMilliseconds / limit),
            };
        }

        public void Take(int count)
        {
            if (count > 0)
            {
                _limiter ??= new(new() { TokenLimit = limit, TokensPerPeriod = limit, ReplenishmentPeriod = window, AutoReplenishment = false, QueueLimit = 0 });
                using var _ = _limiter.AttemptAcquire(count);
            }
        }

        private bool Is(int otherLimit, TimeSpan otherWindow) => (limit, window) == (otherLimit, otherWindow);
    }
}
