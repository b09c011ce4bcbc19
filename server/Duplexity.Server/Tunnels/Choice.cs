using Duplexity.Server.Backend;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Which of the registrations of one name serves a visitor: the one with the fewest visitors at this node, of those that are well; among equals each in turn. Where none is well, the one that was passed over for
/// the longest. Thread-safe.
/// </summary>
internal sealed class Choice(BackendRegistry backend, Sessions sessions, CarrierPools pools, Node node)
{
    /// <summary>How many registrations one visitor is offered to: each may take up to <see cref="TimeOptions.Carry"/> to fail.</summary>
    private const int MostTries = 3;

    private int _turn;

    /// <summary>Who serves a visitor of <paramref name="name"/>; null: nobody has the name.</summary>
    /// <param name="name">The key.</param>
    /// <param name="wanted">What <see cref="StickyCookie.Of"/> says of the one that the visitor had before; null: any.</param>
    /// <param name="pinned">The carriers of the visitor's connection on which it has signed in: who has one of those goes on with it (G13). Null: none.</param>
    /// <param name="target">What is asked for, by which a route is found; null: bytes that pass unread.</param>
    /// <param name="ct">Gives up.</param>
    public async ValueTask<PipeEntry?> LocateAsync(string name, string? wanted, PinnedCarriers? pinned, string? target, CancellationToken ct) => await backend.LocateAllAsync(name, ct) switch
    {
        [] => null,
        [var only] => only,
        var all => (pinned is null ? null : all.FirstOrDefault(e => pinned.Has(PoolOf(e, target))))
            ?? (wanted is null ? null : all.FirstOrDefault(e => e.Settings.Sticky == true && StickyCookie.Of(e) == wanted && IsWell(e, target)))
            ?? Among(all, target),
    };

    /// <summary>A carrier of its own for a connection of raw bytes, from <paramref name="entry"/>, else from those that are there instead and which <paramref name="may"/> covers.</summary>
    /// <exception cref="CarryException">None of them can be reached.</exception>
    public async Task<(CarrierPool Pool, CarrierStream Carrier)> DialAsync(PipeEntry entry, Func<PipeEntry, bool> may, CancellationToken ct)
    {
        var tried = new List<PipeEntry> { entry };
        while (true)
        {
            var failure = CarryFailure.Elsewhere;
            if (IsAway(tried[^1]))
            {
                failure = CarryFailure.Away; // also where carriers of it wait here
            }
            else if (pools.Of(tried[^1]) is { } pool)
            {
                try
                {
                    var carrier = await pool.DialFreshAsync(ct);
                    pool.BringAhead();
                    return (pool, carrier);
                }
                catch (CarryException e)
                {
                    failure = e.Failure;
                    pool.Failed(failure);
                }
            }

            tried.Add(await InsteadAsync(tried, may, null, ct) ?? throw new CarryException(failure));
        }
    }

    /// <summary>
    /// Who serves a visitor instead of the last of <paramref name="tried"/>, which could not be reached before anything of the request was sent: what it is by now, where it has moved, else another one. Null: nobody.
    /// </summary>
    /// <param name="tried">Whom the visitor was offered to.</param>
    /// <param name="may">Who may serve it: each has a gate of its own.</param>
    /// <param name="target">As with <see cref="LocateAsync"/>.</param>
    /// <param name="ct">Gives up.</param>
    public async ValueTask<PipeEntry?> InsteadAsync(IReadOnlyList<PipeEntry> tried, Func<PipeEntry, bool> may, string? target, CancellationToken ct)
    {
        if (tried.Count >= MostTries)
        {
            return null;
        }

        var last = tried[^1];
        PipeEntry[] left = [.. (await backend.ReadAllAsync(last.Name, ct)).Where(e => e.Client == last.Client && ResourceText.IsTls(e.Resource) == ResourceText.IsTls(last.Resource) && may(e) && !tried.Any(t => IsSame(t, e)))];
        return left.FirstOrDefault(e => e.Session == last.Session) ?? (left.Length == 0 ? null : Among(left, target));
    }

    /// <summary>The one of several, at least one, that serves the next visitor.</summary>
    public PipeEntry Among(IReadOnlyList<PipeEntry> all, string? target = null)
    {
        var from = (uint)Interlocked.Increment(ref _turn);
        PipeEntry? best = null;
        (bool IsAway, long OutUntil, int Visits) least = default;
        for (var i = 0; i < all.Count; i++)
        {
            var entry = all[(int)((from + i) % all.Count)];
            var pool = PoolOf(entry, target);
            var fares = (IsAway(entry) || pool is null, pool is { IsOut: true } ? pool.OutUntil : long.MinValue, pool?.Visits ?? 0);
            if (best is null || fares.CompareTo(least) < 0)
            {
                (best, least) = (entry, fares);
            }
        }

        return best!;
    }

    private static bool IsSame(PipeEntry one, PipeEntry other) => one.IsSameAs(other) && one.Node == other.Node;

    // How it fares is how the resource does that the visitor is for.
    private CarrierPool? PoolOf(PipeEntry entry, string? target) => pools.Of(entry, target is null ? null : Way.Find(entry, target)?.Route);

    private bool IsWell(PipeEntry entry, string? target) => !IsAway(entry) && PoolOf(entry, target) is { IsOut: false };

    // That the session of another node is away is found by asking it.
    private bool IsAway(PipeEntry entry) => entry.Node == node.Name && sessions.Find(entry.Client, entry.Session)?.Link is null;
}
