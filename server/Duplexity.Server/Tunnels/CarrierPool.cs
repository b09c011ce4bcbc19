using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// The carriers to one resource of a pipe (its own, or a route's) under one owner and generation, idle and in use: never handed on to another owner's or generation's pipe (G7). A registration that is changed in place keeps them
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
    private readonly LinkedList<CarrierWaiter> _waiting = [];
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

    /// <summary>The node of the pipe's client says that it is as it was at <paramref name="from"/>, a time stamp: idle carriers may be used for a while.</summary>
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

        lock (_lock)
        {
            if (now.IsBefore(_entry))
            {
                return false;
            }

            isNews = _entry.IsBefore(now);
            _isIll &= _entry.Settings.Health == now.Settings.Health;
            _entry = now;
            return true;
        }
    }

    /// <summary>An idle carrier, or a new one; <paramref name="fresh"/>: a new one.</summary>
    /// <exception cref="CarryException">There is none to be had; the exception says why.</exception>
    public async Task<HttpCarrier> RentAsync(bool fresh, CancellationToken ct)
    {
        return await TakeAsync(fresh, ct) ?? new HttpCarrier(await DialAsync(ct));
    }

    /// <summary>A new carrier for a connection of its own.</summary>
    /// <exception cref="CarryException">There is none to be had; the exception says why.</exception>
    public async Task<CarrierStream> DialFreshAsync(CancellationToken ct)
    {
        (await TakeAsync(fresh: true, ct))?.Dispose();
        return await DialAsync(ct);
    }

    /// <summary>Takes back a carrier whose answer ended by its own framing; anything else has been disposed of instead.</summary>
    public void Return(HttpCarrier carrier)
    {
        carrier.Stream.Watch(() => Drop(carrier));
        CarrierWaiter? next;
        lock (_lock)
        {
            if (_over || carrier.Stream is not { IsUsable: true, IsQuiet: true })
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

    /// <summary>An idle carrier, or null: the caller has a slot now, and dials.</summary>
    private async Task<HttpCarrier?> TakeAsync(bool fresh, CancellationToken ct)
    {
        CarrierWaiter waiter;
        lock (_lock)
        {
            if (_over)
            {
                throw new CarryException(CarryFailure.Away);
            }

            while (!fresh && _idle.Count > 0)
            {
                var idle = _idle[^1];
                _idle.RemoveAt(_idle.Count - 1);
                if (idle.Stream is { IsUsable: true, IsQuiet: true } && IsConfirmed)
                {
                    return idle;
                }

                idle.Dispose();
            }

            if (_taken < options.Limits.CarriersPerPipe)
            {
                _taken++;
                return null;
            }

            if (_waiting.Count >= options.Limits.CarriesWaitingPerPipe)
            {
                throw new CarryException(CarryFailure.Crowded);
            }

            waiter = new(fresh);
            _waiting.AddLast(waiter);
        }

        return await WaitAsync(waiter, ct);
    }

    private async Task<HttpCarrier?> WaitAsync(CarrierWaiter waiter, CancellationToken ct)
    {
        try
        {
            return await waiter.Task.WaitAsync(options.Times.Carry, time, ct);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            bool waited;
            lock (_lock)
            {
                waited = _waiting.Remove(waiter);
            }

            if (!waited)
            {
                // Granted (or refused) in the same moment, if not to the last step: whoever took it out of the line completes it. Kept on a time-out, handed on when
                // the visitor has gone; left alone, its slot would be lost for good.
                var granted = await waiter.Task;
                if (e is TimeoutException)
                {
                    return granted;
                }

                GiveUp(granted);
            }

            ct.ThrowIfCancellationRequested();
            throw new CarryException(CarryFailure.Crowded);
        }
    }

    private void GiveUp(HttpCarrier? granted)
    {
        if (granted is null)
        {
            Release(null);
        }
        else
        {
            Return(granted);
        }
    }

    private async Task<CarrierStream> DialAsync(CancellationToken ct)
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

    private CarrierWaiter? NextUnsynchronized(Func<CarrierWaiter, bool> fits)
    {
        for (var node = _waiting.First; node is not null; node = node.Next)
        {
            if (fits(node.Value))
            {
                _waiting.Remove(node);
                return node.Value;
            }
        }

        return null;
    }
}
