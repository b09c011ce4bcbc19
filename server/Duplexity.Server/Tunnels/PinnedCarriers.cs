using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Carriers on which a visitor has signed in. NTLM and Negotiate sign in the connection, not the request: such a carrier stays with its visitor's connection and
/// ends with it, for on it everybody is that visitor (G13). Thread-safe.
/// </summary>
internal sealed class PinnedCarriers
{
    private readonly Lock _lock = new();
    private readonly List<(CarrierPool Pool, HttpCarrier Carrier)> _idle = [];
    private bool _closed;

    /// <summary>Those of a visitor connection; null where it has none yet (and <paramref name="create"/> is false), or the server knows no connections.</summary>
    public static PinnedCarriers? Of(IFeatureCollection features, bool create)
    {
        if (features.Get<IConnectionItemsFeature>()?.Items is not { } items)
        {
            return null;
        }

        lock (items)
        {
            if (items.TryGetValue(typeof(PinnedCarriers), out var there) || !create)
            {
                return there as PinnedCarriers;
            }

            if (features.Get<IConnectionLifetimeFeature>() is not { } lifetime)
            {
                return null;
            }

            var pinned = new PinnedCarriers();
            items[typeof(PinnedCarriers)] = pinned;
            lifetime.ConnectionClosed.Register(pinned.Close);
            return pinned;
        }
    }

    /// <summary>Whether there is one of <paramref name="pool"/>.</summary>
    public bool Has(CarrierPool? pool)
    {
        lock (_lock)
        {
            return _idle.Exists(p => p.Pool == pool);
        }
    }

    public HttpCarrier? Take(CarrierPool pool)
    {
        lock (_lock)
        {
            var at = _idle.FindIndex(p => p.Pool == pool);
            if (at < 0)
            {
                return null;
            }

            var carrier = _idle[at].Carrier;
            _idle.RemoveAt(at);
            if (carrier.Stream.IsUsable)
            {
                return carrier;
            }

            carrier.Dispose();
            return null;
        }
    }

    public void Put(CarrierPool pool, HttpCarrier carrier)
    {
        carrier.Stream.Watch(() =>
        {
            bool idle;
            lock (_lock)
            {
                idle = _idle.Remove((pool, carrier));
            }

            if (idle)
            {
                carrier.Dispose();
            }
        });
        lock (_lock)
        {
            if (!_closed && carrier.Stream.IsUsable)
            {
                _idle.Add((pool, carrier));
                return;
            }
        }

        carrier.Dispose();
    }

    private void Close()
    {
        List<(CarrierPool, HttpCarrier Carrier)> left;
        lock (_lock)
        {
            _closed = true;
            left = [.. _idle];
            _idle.Clear();
        }

        left.ForEach(p => p.Carrier.Dispose());
    }
}
