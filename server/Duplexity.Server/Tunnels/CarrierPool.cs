using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// The carriers to one resource of a pipe (its own, or a route's) under one owner and generation, idle, warm and in use: never handed on to another owner's or generation's pipe (G7). A registration that is changed in place keeps them
/// with its resource. At most <see cref="LimitOptions.CarriersPerPipe"/> at once; further visitors wait in line, bounded in number and time. Thread-safe.
/// </summary>
internal sealed partial class CarrierPool(PipeEntry entry, PipeRoute? route, bool isElsewhere, CarryDesk desk, PipeTallies tallies, DuplexityOptions options, TimeProvider time)
{
    /// <summary>How long a carrier is used that the node of the pipe's client has not confirmed (G7).</summary>
    private static readonly TimeSpan MaxUnconfirmed = TimeSpan.FromSeconds(5);

    private readonly PipeTallies.Tally _tally = tallies.Of(entry);
    private readonly Lock _lock = new();
    private readonly List<HttpCarrier> _idle = []; // the last one is the one used last: the others may then grow old and leave
    private readonly HashSet<CarrierStream> _live = [];
    private readonly string _resource = route?.Resource ?? entry.Resource;
    private volatile PipeEntry _entry = entry;
    private long _confirmed = time.GetTimestamp();
    private int _taken;
    private int _emptySweeps;
    private bool _over;

    /// <summary>The registration as it is known here last.</summary>
    public PipeEntry Entry => _entry;

    /// <summary>The path of the route whose resource it is; null: the pipe's own.</summary>
    public string? Path => route?.Path;

    /// <summary>Whether a carrier stays with its first visitor's connection (G13): where the pipe says so, or has a visitor gate and says nothing.</summary>
    public bool IsPerVisitor => _entry.Settings.Carriers is { } carriers ? carriers == PipeSettings.PerVisitor : _entry.Settings.Visitors is not (null or "public");

    /// <summary>Whether the pool is over: whoever wants the pipe asks for its pool again.</summary>
    public bool IsOver
    {
        get
        {
            lock (_lock)
            {
                return _over;
            }
        }
    }

    /// <summary>The node of the pipe's client says that it is as it was at <paramref name="from"/>, a time stamp: idle and warm carriers may be used for a while.</summary>
    public void Confirm(long from) => Volatile.Write(ref _confirmed, from);

    /// <summary>Whether it is the pool of a registration, before or after a change in place that has left it its resource.</summary>
    public bool IsFor(PipeEntry other, PipeRoute? at) => Path == at?.Path && _entry.IsOf(other) && _resource == (at?.Resource ?? other.Resource);

    /// <summary>Takes the settings that its registration has by now; false: it has newer ones already. <paramref name="isNews"/>: they are newer than those that it had.</summary>
    public bool TryTake(PipeEntry now, out bool isNews)
    {
        isNews = false;
        if (_entry.Revision == now.Revision)
        {
            return true;
        }

        List<CarrierStream> warm;
        lock (_lock)
        {
            if (now.IsBefore(_entry))
            {
                return false;
            }

            isNews = _entry.IsBefore(now);
            warm = isNews ? RemoveWarmUnsynchronized(_ => true) : [];
            _isIll &= _entry.Settings.Health == now.Settings.Health;
            _entry = now;
        }

        // Their client fixed what they dial when it brought them.
        warm.ForEach(s => s.Retire());
        return true;
    }

    /// <summary>An idle carrier, or a new one; <paramref name="fresh"/>: one that has carried nothing.</summary>
    /// <exception cref="CarryException">There is none to be had; the exception says why.</exception>
    public async Task<HttpCarrier> RentAsync(bool fresh, CancellationToken ct)
    {
        var taken = await TakeAsync(fresh, ct);
        return taken.Idle ?? new HttpCarrier(await CarryAsync(taken, ct));
    }

    /// <summary>A carrier that has carried nothing, for a connection of its own.</summary>
    /// <exception cref="CarryException">There is none to be had; the exception says why.</exception>
    public async Task<CarrierStream> DialFreshAsync(CancellationToken ct)
    {
        return await CarryAsync(await TakeAsync(fresh: true, ct), ct);
    }

    /// <summary>Takes back a carrier whose answer ended by its own framing; anything else has been disposed of instead.</summary>
    public void Return(HttpCarrier carrier)
    {
        carrier.Stream.Watch(() => Drop(carrier));
        CarrierWaiter? next;
        lock (_lock)
        {
            if (_over || !carrier.Stream.IsUsable)
            {
                next = null;
            }
            else if ((next = NextUnsynchronized(w => !w.Fresh)) is null)
            {
                carrier.IdleSince = time.GetTimestamp();
                _idle.Add(carrier);
                return;
            }
        }

        if (next is null)
        {
            carrier.Dispose();
        }
        else
        {
            next.Grant(carrier);
        }
    }

    // A new carrier is asked for at the client's node, which is a confirmation as well.
    private bool IsConfirmed => !isElsewhere || time.GetElapsedTime(Volatile.Read(ref _confirmed)) < MaxUnconfirmed;

    /// <summary>What was brought ahead goes on its way, or else what is brought now.</summary>
    private async Task<CarrierStream> CarryAsync(Taken taken, CancellationToken ct)
    {
        while (taken.Warm is { } warm)
        {
            if (await warm.TryGoAsync(ct))
            {
                return warm;
            }

            taken = await TakeAsync(fresh: true, ct);
        }

        return await DialAsync(ct);
    }

    private async Task<CarrierStream> DialAsync(CancellationToken ct)
    {
        var stream = await BringAsync(ct);
        return await stream.TryGoAsync(ct) ? stream : throw new CarryException(CarryFailure.Away);
    }

    /// <summary>Has the client bring a carrier, for which the caller has a slot.</summary>
    private async Task<CarrierStream> BringAsync(CancellationToken ct)
    {
        CarrierStream stream;
        try
        {
            var from = time.GetTimestamp();
            stream = await desk.CarryAsync(_entry, Path, ct);
            Confirm(from);
        }
        catch
        {
            Release(null);
            throw;
        }

        bool over;
        lock (_lock)
        {
            over = _over;
            _live.Add(stream);
        }

        tallies.Carried(_entry, _tally, 1);
        _ = stream.Finished.ContinueWith(_ => Release(stream), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        if (over)
        {
            stream.Abort();
            throw new CarryException(CarryFailure.Away);
        }

        return stream;
    }

    private void Drop(HttpCarrier carrier)
    {
        bool idle;
        lock (_lock)
        {
            idle = _idle.Remove(carrier);
        }

        // In use, the bytes are an answer and the end is its reader's to judge. One that is being closed has been answered so.
        if (idle || carrier.IsRetired)
        {
            carrier.Dispose();
        }
    }

    private void Release(CarrierStream? stream)
    {
        CarrierWaiter? next;
        lock (_lock)
        {
            if (stream is not null)
            {
                _live.Remove(stream);
            }

            next = NextUnsynchronized(_ => true);
            if (next is null)
            {
                _taken--;
            }
        }

        next?.Grant(null);
        if (stream is not null)
        {
            tallies.Carried(_entry, _tally, -1);
        }
    }
}
