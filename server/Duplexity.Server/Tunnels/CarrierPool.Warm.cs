namespace Duplexity.Server.Tunnels;

/// <content>
/// Carriers that are brought ahead of visitors: open, confirmed as idle ones are (G7), and told to go when a visitor comes; the resource is dialled only then. They spare visitors the way to the client and back, where carriers are not
/// used again: connections of raw bytes, WebSockets, and what stays with its visitor.
/// </content>
internal sealed partial class CarrierPool
{
    /// <summary>How long a warm carrier waits: whoever comes back to a pipe within that time finds one. A connection in the node's memory that sends a ping each 15 s, and nothing at the resource.</summary>
    private static readonly TimeSpan MaxWarm = TimeSpan.FromMinutes(5);

    /// <summary>As many are kept warm as visitors kept for themselves in this time.</summary>
    private static readonly TimeSpan UseSpan = TimeSpan.FromSeconds(30);

    private readonly List<CarrierStream> _warm = []; // the oldest first, which leaves first; the youngest is given first
    private readonly Queue<long> _keptAt = new(); // when visitors took carriers for themselves, as many as may be warm at most
    private int _warming;

    /// <summary>How many wait for visitors now.</summary>
    public int Warm
    {
        get
        {
            lock (_lock)
            {
                return _warm.Count;
            }
        }
    }

    /// <summary>A visitor has a carrier that nobody uses after it: others are brought for the next ones.</summary>
    public void BringAhead()
    {
        int missing;
        lock (_lock)
        {
            _keptAt.Enqueue(time.GetTimestamp());
            while (_keptAt.TryPeek(out var first) && (_keptAt.Count > options.Limits.WarmCarriersPerPipe || time.GetElapsedTime(first) > UseSpan))
            {
                _keptAt.Dequeue();
            }

            // A WebSocket takes an idle one first. The greater half of all that there may be is for visitors who are there.
            missing = _over ? 0 : Math.Max(0, Math.Min(_keptAt.Count - _idle.Count - _warm.Count - _warming, (options.Limits.CarriersPerPipe / 2) - _taken));
            _taken += missing;
            _warming += missing;
        }

        for (; missing > 0; missing--)
        {
            _ = WarmAsync();
        }
    }

    private async Task WarmAsync()
    {
        CarrierStream? brought = null;
        try
        {
            var stream = await BringAsync(CancellationToken.None);
            brought = stream;
            stream.Watch(() => DropWarm(stream));
        }
        catch (CarryException e)
        {
            NotBrought(e.Failure);
        }
        finally
        {
            if (!TryKeepWarm(brought))
            {
                brought?.Retire();
            }
        }
    }

    private bool TryKeepWarm(CarrierStream? brought)
    {
        lock (_lock)
        {
            _warming--;
            if (brought is not { IsUsable: true } || _over || _waiting.Count > 0)
            {
                return false;
            }

            brought.WarmSince = time.GetTimestamp();
            _warm.Add(brought);
            return true;
        }
    }

    /// <summary>The client does not bring any: those that it had brought lead nowhere either, as far as anybody knows.</summary>
    private void NotBrought(CarryFailure failure)
    {
        Failed(failure);
        if (failure is not (CarryFailure.Away or CarryFailure.Late))
        {
            return;
        }

        List<CarrierStream> warm;
        lock (_lock)
        {
            warm = RemoveWarmUnsynchronized(_ => true);
        }

        warm.ForEach(s => s.Retire());
    }

    private CarrierStream? TakeWarmUnsynchronized()
    {
        while (_warm.Count > 0)
        {
            var warm = _warm[^1];
            _warm.RemoveAt(_warm.Count - 1);
            if (warm.IsUsable && IsConfirmed)
            {
                return warm;
            }

            warm.Retire();
        }

        return null;
    }

    private List<CarrierStream> RemoveWarmUnsynchronized(Predicate<CarrierStream> which)
    {
        var removed = _warm.FindAll(which);
        _warm.RemoveAll(removed.Contains);
        return removed;
    }

    private void DropWarm(CarrierStream stream)
    {
        bool isWarm;
        lock (_lock)
        {
            isWarm = _warm.Remove(stream);
        }

        if (isWarm)
        {
            stream.Abort();
        }
    }
}
