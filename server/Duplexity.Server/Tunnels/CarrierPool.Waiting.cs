namespace Duplexity.Server.Tunnels;

/// <content>Who gets a carrier, and who waits for one in line.</content>
internal sealed partial class CarrierPool
{
    private readonly LinkedList<CarrierWaiter> _waiting = [];

    /// <summary>An idle carrier, or one that was brought ahead, or neither: the caller has a slot now, and dials.</summary>
    private async Task<Taken> TakeAsync(bool fresh, CancellationToken ct)
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
                if (idle.Stream.IsUsable && IsConfirmed)
                {
                    return new(idle, null);
                }

                idle.Dispose();
            }

            if (TakeWarmUnsynchronized() is { } warm)
            {
                return new(null, warm);
            }

            if (_taken < options.Limits.CarriersPerPipe)
            {
                _taken++;
                return default;
            }

            if (_waiting.Count >= options.Limits.CarriesWaitingPerPipe)
            {
                throw new CarryException(CarryFailure.Crowded);
            }

            waiter = new(fresh);
            _waiting.AddLast(waiter);
        }

        return new(await WaitAsync(waiter, ct), null);
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

    /// <summary>What a visitor goes on with: a carrier that has answered others, one that was brought ahead, or a slot for one that is to be dialled.</summary>
    private readonly record struct Taken(HttpCarrier? Idle, CarrierStream? Warm);
}
