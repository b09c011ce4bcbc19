using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Keeps the engine's sets of who is where equal to what this node's sockets listen to. The sockets are the truth: every change is made by looking at them, and looking again when it is made, so that
/// changes that cross each other end right. A client whose last socket in a channel was lost stays for <see cref="TimeOptions.Vacated"/>, unless it is back before; and every
/// <see cref="TimeOptions.PresenceCheck"/> all is compared (G23). Thread-safe.
/// </summary>
internal sealed class RoomPresence(IEngine engine, SocketIndex sockets, DuplexityOptions options, TimeProvider time, ILogger<RoomPresence> logger) : IHostedService, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(Address Channel, string Client), Dictionary<string, ITimer>> _lingering = [];
    private ITimer? _check;

    /// <summary>How many sockets that are lost still count as there.</summary>
    internal int Lingering
    {
        get
        {
            lock (_lock)
            {
                return _lingering.Sum(l => l.Value.Count);
            }
        }
    }

    /// <summary>Whether a channel has members, and the client is one where it listens: rooms, lockspaces, and feeds of others.</summary>
    public static bool IsMember(Address channel, string client) => channel.Kind is AddressKind.Room or AddressKind.Lockspace || (channel.Kind == AddressKind.Feed && channel.Name != client);

    /// <summary>The socket listens: it is there from here on. False where <paramref name="most"/> other clients are; it is for the caller to stop listening then.</summary>
    public async ValueTask<bool> EnterAsync(Socket socket, Address channel, string client, int? most)
    {
        if (!IsMember(channel, client))
        {
            return true;
        }

        if (most is { } bound && !await engine.Presence.TryAddAsync(channel, client, socket.Id, bound))
        {
            return false;
        }

        await SettleAsync(channel, client, socket.Id, null);
        foreach (var other in TakeLingering(channel, client))
        {
            await SettleAsync(channel, client, other, DepartureReason.Lost);
        }

        return true;
    }

    /// <summary>The socket does not listen any more, for a reason that is not its loss.</summary>
    public async ValueTask LeaveAsync(Socket socket, Address channel, string client, string? reason = null)
    {
        if (IsMember(channel, client))
        {
            await SettleAsync(channel, client, socket.Id, reason);
        }
    }

    /// <summary>The socket is gone, and has released what it listened to. <paramref name="isFinal"/>: it, or the server, meant it so, and nobody is waited for.</summary>
    public async ValueTask LoseAsync(Socket socket, Address channel, string client, string? reason, bool isFinal)
    {
        if (!IsMember(channel, client))
        {
            return;
        }

        // A lockspace lets go of whom it holds with the socket, and says so at once.
        if (!isFinal && channel.Kind != AddressKind.Lockspace && options.Times.Vacated > TimeSpan.Zero && !IsThereByAnother(socket, channel, client))
        {
            Linger(socket, channel, client);

            // Another one may have come while this one was put down, and have seen nobody to take the place of.
            foreach (var lost in IsThereByAnother(socket, channel, client) ? TakeLingering(channel, client) : [])
            {
                await SettleAsync(channel, client, lost, reason);
            }

            return;
        }

        await SettleAsync(channel, client, socket.Id, reason);
    }

    /// <summary>Compares the sets with the sockets, and mends what differs.</summary>
    public async Task CheckAsync()
    {
        var mended = 0;
        foreach (var (channel, client, socketId) in await engine.Presence.ListOwnAsync())
        {
            mended += IsThere(channel, client, socketId) || !await SettleAsync(channel, client, socketId, DepartureReason.Lost) ? 0 : 1;
        }

        foreach (var socket in sockets.All)
        {
            foreach (var subscription in socket.Subscriptions)
            {
                foreach (var client in subscription.Clients)
                {
                    mended += IsMember(subscription.Address, client) && await SettleAsync(subscription.Address, client, socket.Id, null) ? 1 : 0;
                }
            }
        }

        if (mended > 0)
        {
            logger.PresenceMended(mended);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _check = time.CreateTimer(_ => _ = TryCheckAsync(), null, options.Times.PresenceCheck, options.Times.PresenceCheck);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _check?.Dispose();
        lock (_lock)
        {
            foreach (var timer in _lingering.Values.SelectMany(l => l.Values))
            {
                timer.Dispose();
            }

            _lingering.Clear();
        }
    }

    private async Task TryCheckAsync()
    {
        try
        {
            await CheckAsync();
        }
        catch (Exception e)
        {
            logger.PresenceCheckFailed(e);
        }
    }

    /// <summary>Makes the set say of one socket what is true of it; true when it said something else. Each of those who change the truth comes here afterwards, and whoever is last leaves it right.</summary>
    private async ValueTask<bool> SettleAsync(Address channel, string client, string socketId, string? reason)
    {
        var hasChanged = false;
        while (true)
        {
            var isThere = IsThere(channel, client, socketId);
            hasChanged |= isThere
                ? await engine.Presence.AddAsync(channel, client, socketId)
                : await engine.Presence.RemoveAsync(channel, client, socketId, reason);
            if (IsThere(channel, client, socketId) == isThere)
            {
                return hasChanged;
            }
        }
    }

    private bool IsThere(Address channel, string client, string socketId)
    {
        if (sockets.Find(socketId)?.Listens(channel, client) == true)
        {
            return true;
        }

        lock (_lock)
        {
            return _lingering.TryGetValue((channel, client), out var lost) && lost.ContainsKey(socketId);
        }
    }

    private bool IsThereByAnother(Socket socket, Address channel, string client) => sockets.OfClient(client).Any(s => s != socket && s.Listens(channel, client));

    private void Linger(Socket socket, Address channel, string client)
    {
        // Why it went is asked when it is told: that the connection broke may be known a moment after it ended.
        var timer = time.CreateTimer(_ => _ = VacateAsync(channel, client, socket.Id, socket.Departure.Reason), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        lock (_lock)
        {
            if (!_lingering.TryGetValue((channel, client), out var lost))
            {
                _lingering[(channel, client)] = lost = [];
            }

            lost[socket.Id] = timer;
        }

        timer.Change(options.Times.Vacated, Timeout.InfiniteTimeSpan);
    }

    private async Task VacateAsync(Address channel, string client, string socketId, string? reason)
    {
        lock (_lock)
        {
            if (!_lingering.TryGetValue((channel, client), out var lost) || !lost.Remove(socketId, out var timer))
            {
                return;
            }

            timer.Dispose();
            if (lost.Count == 0)
            {
                _lingering.Remove((channel, client));
            }
        }

        try
        {
            await SettleAsync(channel, client, socketId, reason);
        }
        catch (Exception e)
        {
            // The next comparison finds it.
            logger.PresenceCheckFailed(e);
        }
    }

    private string[] TakeLingering(Address channel, string client)
    {
        lock (_lock)
        {
            if (!_lingering.Remove((channel, client), out var lost))
            {
                return [];
            }

            foreach (var timer in lost.Values)
            {
                timer.Dispose();
            }

            return [.. lost.Keys];
        }
    }
}
