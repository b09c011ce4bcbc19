using System.Net;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Browsers that were sent to the provider and are not back yet. What each left with is kept until then, and whoever makes it be kept has shown nothing of himself: so they are bounded, per address and on
/// this node (G24). Thread-safe.
/// </summary>
internal sealed class Leavings(TimeProvider time, IOptions<DuplexityOptions> options)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Leaver> _byAge = new();
    private readonly Dictionary<string, LinkedListNode<Leaver>> _byState = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, int> _counts = [];

    /// <summary>One more leaves, with a state of its own; an error where too many have.</summary>
    public DuplexityError? Add(string state, IPAddress address)
    {
        var (network, limits) = (PeerAddresses.NetworkOf(address), options.Value.Limits);
        lock (_lock)
        {
            while (_byAge.First is { } oldest && oldest.Value.Until <= time.GetUtcNow())
            {
                RemoveUnsynchronized(oldest);
            }

            // As many for each sign-in that may wait as it takes browsers back.
            var own = _counts.GetValueOrDefault(network);
            var isOwn = own >= limits.SignInsPerAddress * SignIn.Browsers;
            if (isOwn || _byAge.Count >= limits.SignIns * SignIn.Browsers)
            {
                return DuplexityError.Of(Errors.RateLimited, "Too many browsers were sent to the sign-in and have not come back; wait ten minutes.") with
                {
                    Limit = isOwn ? "sign_ins_per_address" : "sign_ins",
                    Used = isOwn ? own : _byAge.Count,
                    RetryAfterMs = 10_000,
                };
            }

            _byState[state] = _byAge.AddLast(new Leaver(state, network, time.GetUtcNow() + options.Value.Times.SignIn));
            _counts[network] = own + 1;
            return null;
        }
    }

    /// <summary>One is back. On another node than it left, its place is free when its time is over.</summary>
    public void Remove(string state)
    {
        lock (_lock)
        {
            if (_byState.TryGetValue(state, out var there))
            {
                RemoveUnsynchronized(there);
            }
        }
    }

    private void RemoveUnsynchronized(LinkedListNode<Leaver> leaver)
    {
        var (state, network, _) = leaver.Value;
        _byAge.Remove(leaver);
        _byState.Remove(state);
        if (--_counts[network] == 0)
        {
            _counts.Remove(network);
        }
    }

    private sealed record Leaver(string State, IPAddress Network, DateTimeOffset Until);
}
