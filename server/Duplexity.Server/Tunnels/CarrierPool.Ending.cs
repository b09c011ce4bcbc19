namespace Duplexity.Server.Tunnels;

/// <content>How carriers end, and the pool with them.</content>
internal sealed partial class CarrierPool
{
    /// <summary>Closes what has been idle, or waited for a visitor, for too long. A pool that had nothing at three sweeps in a row is over; not while it is known to be ill, which would be forgotten with it.</summary>
    public void Sweep(TimeSpan maxIdle)
    {
        List<HttpCarrier> old;
        List<CarrierStream> warm;
        Http2Carriers? shared = null;
        lock (_lock)
        {
            warm = RemoveWarmUnsynchronized(s => time.GetElapsedTime(s.WarmSince) > MaxWarm);
            old = _idle.FindAll(c => time.GetElapsedTime(c.IdleSince) > maxIdle);
            _idle.RemoveAll(old.Contains);
            _emptySweeps = _taken == 0 && !_isIll ? _emptySweeps + 1 : 0;
            _over |= _emptySweeps > 2;
            if (_over)
            {
                (shared, _http2) = (_http2, null);
            }
        }

        old.ForEach(c => c.Retire());
        warm.ForEach(s => s.Retire());
        shared?.Dispose();
    }

    /// <summary>The node <paramref name="via"/>, by way of which carriers came here, is being emptied: idle and warm ones are closed, those in use are not used again.</summary>
    public void Leave(string via)
    {
        List<HttpCarrier> idle;
        List<CarrierStream> warm;
        lock (_lock)
        {
            foreach (var stream in _live.Where(s => s.Via == via))
            {
                stream.IsLeaving = true;
            }

            idle = _idle.FindAll(c => c.IsLeaving);
            _idle.RemoveAll(idle.Contains);
            warm = RemoveWarmUnsynchronized(s => s.IsLeaving);
        }

        idle.ForEach(c => c.Retire());
        warm.ForEach(s => s.Retire());
    }

    /// <summary>No visitor gets a carrier here any more. Those in use finish, or are cut.</summary>
    public void End(bool cut)
    {
        List<HttpCarrier> idle;
        List<CarrierStream> warm;
        List<CarrierStream> live;
        List<CarrierWaiter> waiting;
        Http2Carriers? shared;
        lock (_lock)
        {
            _over = true;
            idle = [.. _idle];
            warm = RemoveWarmUnsynchronized(_ => true);
            live = [.. _live];
            waiting = [.. _waiting];
            _idle.Clear();
            _waiting.Clear();
            (shared, _http2) = (_http2, null);
        }

        waiting.ForEach(w => w.Fail());
        idle.ForEach(c => c.Retire());
        warm.ForEach(s => s.Retire());
        shared?.Dispose();
        if (cut)
        {
            live.ForEach(s => s.Abort());
        }
    }
}
