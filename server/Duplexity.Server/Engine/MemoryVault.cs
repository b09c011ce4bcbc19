namespace Duplexity.Server.Engine;

/// <summary>One-time secrets in this process's memory. What has expired is let go of by the next addition or sweep.</summary>
internal sealed class MemoryVault(MonotonicClock clock) : IVault
{
    private const int Spare = 1_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Secret> _secrets = new(StringComparer.Ordinal);
    private readonly PriorityQueue<(string Key, Secret Secret), TimeSpan> _byExpiry = new();

    /// <inheritdoc/>
    public ValueTask<bool> TryAddAsync(string key, string value, TimeSpan lifetime, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lifetime, TimeSpan.Zero);
        lock (_lock)
        {
            TrimUnsynchronized();
            var secret = new Secret(value, clock.Now + lifetime);
            if (!_secrets.TryAdd(key, secret))
            {
                return new(false);
            }

            _byExpiry.Enqueue((key, secret), secret.ExpiresAt);
            ForgetTakenUnsynchronized();
            return new(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask<string?> ReadAsync(string key, CancellationToken ct = default)
    {
        lock (_lock)
        {
            TrimUnsynchronized();
            return new(_secrets.GetValueOrDefault(key)?.Value);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryReplaceAsync(string key, string expected, string value, CancellationToken ct = default)
    {
        lock (_lock)
        {
            TrimUnsynchronized();
            if (_secrets.GetValueOrDefault(key) is not { } there || there.Value != expected)
            {
                return new(false);
            }

            there.Value = value;
            return new(true);
        }
    }

    /// <inheritdoc/>
    public ValueTask<string?> TakeAsync(string key, CancellationToken ct = default)
    {
        lock (_lock)
        {
            TrimUnsynchronized();
            return new(_secrets.Remove(key, out var secret) ? secret.Value : null);
        }
    }

    public void Sweep()
    {
        lock (_lock)
        {
            TrimUnsynchronized();
        }
    }

    private void TrimUnsynchronized()
    {
        while (_byExpiry.TryPeek(out var oldest, out var expiresAt) && expiresAt <= clock.Now)
        {
            _byExpiry.Dequeue();

            // Taken and added again since: then the key has another secret, with an expiry of its own.
            if (_secrets.TryGetValue(oldest.Key, out var there) && ReferenceEquals(there, oldest.Secret))
            {
                _secrets.Remove(oldest.Key);
            }
        }
    }

    // What was taken waits for its expiry only in the order of these. It is let go of when it is more than half of them: else whoever adds and takes in a loop would fill the memory.
    private void ForgetTakenUnsynchronized()
    {
        if (_byExpiry.Count <= Spare + (_secrets.Count * 2))
        {
            return;
        }

        _byExpiry.Clear();
        _byExpiry.EnqueueRange(_secrets.Select(s => ((s.Key, s.Value), s.Value.ExpiresAt)));
    }

    private sealed class Secret(string value, TimeSpan expiresAt)
    {
        public string Value { get; set; } = value;

        public TimeSpan ExpiresAt => expiresAt;
    }
}
