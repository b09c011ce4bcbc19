using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>What a visitor may use who was admitted; disposed when it is through.</summary>
internal sealed class Allotment(Action end) : IDisposable
{
    private int _isOver;

    /// <summary>What its bytes wait for; null: nothing.</summary>
    public Throttle? Throttle { get; init; }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0)
        {
            end();
        }
    }
}

/// <summary>What visitors may use of a pipe, as its owner says (<see cref="VisitorLimits"/>): rates, counts and bytes, of each and of all together, at this node. Bounded; thread-safe.</summary>
internal sealed class VisitorAllotments(TimeProvider time)
{
    /// <summary>Visitors of one pipe that are counted each for itself; further ones share one count.</summary>
    private const int MostVisitors = 10_000;

    private const int MostPipes = 10_000;

    /// <summary>When a visitor who may have no more at once tries again, for we do not know when another one is through.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    private static readonly Allotment Everything = new(() => { });

    private readonly ConcurrentDictionary<(string Pipe, string Owner), Counted> _pipes = new();

    /// <summary>What is wrong with limits; null: nothing.</summary>
    public static DuplexityError? Problem(VisitorLimits? limits)
    {
        (string Name, long? Value)[] all = limits is null ? [] :
        [
            ("requestsPerMinute", limits.RequestsPerMinute), ("concurrent", limits.Concurrent), ("bytesPerSecond", limits.BytesPerSecond),
            ("pipeRequestsPerMinute", limits.PipeRequestsPerMinute), ("pipeConcurrent", limits.PipeConcurrent), ("pipeBytesPerSecond", limits.PipeBytesPerSecond),
        ];
        return Array.Find(all, l => l.Value is < 1) is { Name: { } name } ? DuplexityError.Of(Errors.InvalidPipe, $"limits: {name} is 1 at least; leave it out where there is no limit.") : null;
    }

    /// <summary>Admits a visitor; or says how long it has to wait.</summary>
    /// <param name="entry">The pipe.</param>
    /// <param name="key">What stands for the visitor.</param>
    /// <param name="wait">After a refusal: for how long.</param>
    public Allotment? TryEnter(PipeEntry entry, string key, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (entry.Settings.Limits is not { } limits)
        {
            return Everything;
        }

        if (!_pipes.TryGetValue((entry.Name, entry.Client), out var pipe) || pipe.Limits != limits)
        {
            Bound();
            pipe = _pipes.AddOrUpdate((entry.Name, entry.Client), _ => new(limits, time), (_, there) => there.Limits == limits ? there : new(limits, time));
        }

        return pipe.TryEnter(key, out wait);
    }

    private void Bound()
    {
        if (_pipes.Count >= MostPipes)
        {
            foreach (var idle in _pipes.Where(p => p.Value.IsIdle))
            {
                _pipes.TryRemove(idle);
            }
        }
    }

    private sealed class Counted(VisitorLimits limits, TimeProvider time)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<string, One> _visitors = new(StringComparer.Ordinal);
        private long _pruned = long.MinValue;
        private readonly One _all = new(limits.PipeRequestsPerMinute, limits.PipeBytesPerSecond, time);

        public VisitorLimits Limits => limits;

        public bool IsIdle
        {
            get
            {
                lock (_lock)
                {
                    return _all.IsIdle && _visitors.Values.All(v => v.IsIdle);
                }
            }
        }

        public Allotment? TryEnter(string key, out TimeSpan wait)
        {
            lock (_lock)
            {
                var one = OneOf(key);
                wait = (limits.Concurrent is { } most && one.Count >= most) || (limits.PipeConcurrent is { } mostOfAll && _all.Count >= mostOfAll)
                    ? Again
                    : one.Rate?.TryTake(1) ?? _all.Rate?.TryTake(1) ?? TimeSpan.Zero;
                if (wait > TimeSpan.Zero)
                {
                    return null;
                }

                one.Count++;
                _all.Count++;
                Throttle.ByteRate[] rates = [.. new[] { one.Bytes, _all.Bytes }.OfType<Throttle.ByteRate>()];
                return new Allotment(() => Leave(one)) { Throttle = rates.Length == 0 ? null : new Throttle(time, rates) };
            }
        }

        private void Leave(One one)
        {
            lock (_lock)
            {
                one.Count--;
                _all.Count--;
            }
        }

        private One OneOf(string key)
        {
            if (_visitors.TryGetValue(key, out var there))
            {
                return there;
            }

            if (_visitors.Count >= MostVisitors && (_pruned == long.MinValue || time.GetElapsedTime(_pruned) >= Again))
            {
                _pruned = time.GetTimestamp();
                foreach (var (idle, _) in _visitors.Where(v => v.Value.IsIdle).ToArray())
                {
                    _visitors.Remove(idle);
                }
            }

            key = _visitors.Count >= MostVisitors ? "" : key;

            return _visitors.TryGetValue(key, out there) ? there : _visitors[key] = new One(limits.RequestsPerMinute, limits.BytesPerSecond, time);
        }
    }

    private sealed class One(int? perMinute, long? bytesPerSecond, TimeProvider time)
    {
        public int Count { get; set; }

        /// <summary>A sixth of a minute's worth at once, ten at least: a page is a handful of requests.</summary>
        public Pace? Rate { get; } = perMinute is { } rate ? new(rate / 60.0, Math.Min(rate, Math.Max(10, rate / 6.0)), time) : null;

        public Throttle.ByteRate? Bytes { get; } = bytesPerSecond is { } bytes ? Throttle.ByteRate.Of(bytes, time) : null;

        public bool IsIdle => Count == 0 && Rate?.IsEmpty != false && Bytes?.ToVisitor.IsEmpty != false && Bytes?.FromVisitor.IsEmpty != false;
    }
}
