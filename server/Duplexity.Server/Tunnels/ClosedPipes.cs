using System.Collections.Concurrent;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Which session must not register which name for a while, because somebody with the right to has closed it there (G21): its program comes back by itself, a person does not. Kept by
/// this process, as other blocks are. Thread-safe.
/// </summary>
internal sealed class ClosedPipes(TimeProvider time, IOptions<DuplexityOptions> options)
{
    /// <summary>How many are kept; then the ended ones, and if there are none, all are forgotten: a courtesy lost, not a right.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<(string Client, string Session, string Name), (DateTimeOffset Until, string Reason)> _closed = new();

    /// <summary>The registration's session is kept from its name for <see cref="TimeOptions.Block"/>.</summary>
    public void Add(PipeEntry entry, string reason)
    {
        if (_closed.Count >= Most)
        {
            foreach (var (key, (until, _)) in _closed)
            {
                if (until <= time.GetUtcNow())
                {
                    _closed.TryRemove(key, out _);
                }
            }

            if (_closed.Count >= Most)
            {
                _closed.Clear();
            }
        }

        _closed[(entry.Client, entry.Session, entry.Name)] = (time.GetUtcNow() + options.Value.Times.Block, reason);
    }

    /// <summary>What a session is told that wants the name; null: it may have it.</summary>
    public DuplexityError? Problem(string client, string session, string name)
    {
        if (!_closed.TryGetValue((client, session, name), out var closed))
        {
            return null;
        }

        var left = closed.Until - time.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            _closed.TryRemove(new((client, session, name), closed));
            return null;
        }

        return DuplexityError.Of(Errors.Denied, $"{name} was closed: {closed.Reason}") with { RetryAfterMs = (long)left.TotalMilliseconds + 1 };
    }
}
