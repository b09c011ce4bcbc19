using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Api;

/// <summary>
/// Who uses the HTTP API, and what each client has used of its rates there: one meter a client, whatever tokens it comes with, as one socket would have. A client is kept while it has a request
/// under way, or something used that a window has not freed yet. Thread-safe.
/// </summary>
internal sealed class ApiClients(TimeProvider time, DuplexityOptions options)
{
    /// <summary>How often those are looked for who have nothing used any more.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, User> _users = new(StringComparer.Ordinal);
    private long _bytes;
    private DateTimeOffset _lookedAt = time.GetUtcNow();

    /// <summary>How many clients are kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _users.Count;
            }
        }
    }

    /// <summary>Bytes that requests hold now, of all clients.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Begins a request; <see cref="Leave"/> ends it.</summary>
    /// <exception cref="DuplexityException">The client has too many under way, or there are too many clients.</exception>
    public HeldIdentity Enter(Identity identity)
    {
        lock (_lock)
        {
            if (time.GetUtcNow() - _lookedAt >= Interval || (_users.Count >= options.Limits.ApiClients && !_users.ContainsKey(identity.Client)))
            {
                Prune();
            }

            if (!_users.TryGetValue(identity.Client, out var user))
            {
                if (_users.Count >= options.Limits.ApiClients)
                {
                    throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "Too many clients use this node's HTTP API at once; try again."));
                }

                _users[identity.Client] = user = new User();
            }

            if (user.UnderWay >= options.Limits.ApiRequestsPerClient)
            {
                var busy = DuplexityError.Of(Errors.RateLimited, $"This client has {user.UnderWay} requests under way; wait for answers first.");
                throw new DuplexityException(busy with { Limit = "api_requests_per_client", Used = user.UnderWay, RetryAfterMs = 1_000 });
            }

            user.UnderWay++;
            var held = new HeldIdentity(identity, user.Meter);
            if (held.Rules.Limits is not { Messages: null, Bytes: null })
            {
                // Those of a token without a rate would let go what one with a rate has used.
                user.Rules = held.Rules;
            }

            return held;
        }
    }

    /// <summary>Bytes of a request, or of an answer, that the node is about to hold; <see cref="Free"/> gives them back. A tenth of what the node holds is one client's.</summary>
    /// <exception cref="DuplexityException">The client holds too many, or all clients together do.</exception>
    public void Take(HeldIdentity held, long bytes)
    {
        lock (_lock)
        {
            var (user, most) = (_users[held.Client], options.Limits.ApiBytes);
            if (user.Bytes + bytes > most / 10)
            {
                var large = DuplexityError.Of(Errors.RateLimited, $"The bodies and pages that this client has under way are more than {most / 10} bytes together; wait for answers first.");
                throw new DuplexityException(large with { Limit = "api_bytes_per_client", Used = user.Bytes, RetryAfterMs = 1_000 });
            }

            if (_bytes + bytes > most)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "This node's HTTP API has as many bytes under way as it takes; try again.") with { Limit = "api_bytes", Used = _bytes, RetryAfterMs = 1_000 });
            }

            _bytes += bytes;
            user.Bytes += bytes;
        }
    }

    /// <summary>What <see cref="Take"/> counted is not held any more.</summary>
    public void Free(HeldIdentity held, long bytes)
    {
        lock (_lock)
        {
            var user = _users[held.Client];
            _bytes -= bytes;
            user.Bytes -= bytes;
            if (user.IsIdle)
            {
                _users.Remove(held.Client);
            }
        }
    }

    /// <summary>Ends a request.</summary>
    public void Leave(HeldIdentity held)
    {
        lock (_lock)
        {
            var user = _users[held.Client];
            user.UnderWay--;
            if (user.IsIdle)
            {
                _users.Remove(held.Client);
            }
        }
    }

    private void Prune()
    {
        _lookedAt = time.GetUtcNow();
        foreach (var (client, _) in _users.Where(u => u.Value.IsIdle).ToArray())
        {
            _users.Remove(client);
        }
    }

    private sealed class User
    {
        public Meter Meter { get; } = new();

        public AllowanceRules Rules { get; set; } = new(new());

        public int UnderWay { get; set; }

        public long Bytes { get; set; }

        public bool IsIdle => UnderWay == 0 && Bytes == 0 && Meter.Use(Rules) == (0, 0);
    }
}
