using System.Collections.Concurrent;
using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>Why sessions ended, for a while: for the next Welcome of a reader that had stalled and could not be told, and of those whose names were taken over. Thread-safe.</summary>
internal sealed class SessionEnds(TimeProvider time, Microsoft.Extensions.Options.IOptions<DuplexityOptions> options)
{
    /// <summary>How many ends are kept; then the expired, and if there are none, all are forgotten: a hint lost, not a message; a session that was taken over may come back once.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<(string Client, string Session), (PreviousEnd End, DateTimeOffset At)> _ends = new();

    /// <summary>Keeps the reason, if there is a session to keep it for.</summary>
    public void Remember(string client, string? session, int code, string reason)
    {
        if (session is null)
        {
            return;
        }

        if (_ends.Count >= Most)
        {
            Forget();
        }

        _ends[(client, session)] = (new PreviousEnd { Code = code, Reason = reason }, time.GetUtcNow());
    }

    /// <summary>Takes the reason; null where there is none, or it is too old.</summary>
    public PreviousEnd? Take(string client, string? session) =>
        session is not null && _ends.TryRemove((client, session), out var kept) && !IsOld(kept.At) ? kept.End : null;

    /// <summary>The reason, which stays; null where there is none, or it is too old.</summary>
    public PreviousEnd? Find(string client, string session) => _ends.TryGetValue((client, session), out var kept) && !IsOld(kept.At) ? kept.End : null;

    private void Forget()
    {
        foreach (var (key, kept) in _ends)
        {
            if (IsOld(kept.At))
            {
                _ends.TryRemove(key, out _);
            }
        }

        if (_ends.Count >= Most)
        {
            _ends.Clear();
        }
    }

    private bool IsOld(DateTimeOffset at) => time.GetUtcNow() - at > options.Value.Times.PreviousEnd;
}
