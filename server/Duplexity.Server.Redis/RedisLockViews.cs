using System.Globalization;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Redis;

/// <summary>Who holds which lock, as far as this node has heard. Thread-safe.</summary>
internal sealed class RedisLockViews(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly MonotonicClock _clock = new(time);
    private readonly Dictionary<LockName, (LockView View, TimeSpan Ends)> _held = [];

    /// <summary>Client, socket, token, lease (ms), what is left of it (µs).</summary>
    public static LockView View(string[] held) => new(
        new(held[0], held[1]), Whole(held[2]), TimeSpan.FromMilliseconds(Whole(held[3])), new TimeSpan(Whole(held[4]) * TimeSpan.TicksPerMicrosecond));

    public LockView? Find(LockName name)
    {
        lock (_lock)
        {
            return _held.TryGetValue(name, out var held) && held.Ends - _clock.Now is var left && left > TimeSpan.Zero ? held.View with { Left = left } : null;
        }
    }

    public void Set(LockName name, LockView view)
    {
        lock (_lock)
        {
            _held[name] = (view, _clock.Now + view.Left);
        }
    }

    /// <summary>The grant with this token is over.</summary>
    public void Remove(LockName name, long token)
    {
        lock (_lock)
        {
            if (_held.TryGetValue(name, out var held) && held.View.Token <= token)
            {
                _held.Remove(name);
            }
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _held.Clear();
        }
    }

    private static long Whole(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
