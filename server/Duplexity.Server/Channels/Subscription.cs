using System.Collections.Immutable;

namespace Duplexity.Server.Channels;

/// <summary>
/// A socket's listening to a channel, for one or more of its clients: they share one place and get one copy. Joining again makes a new one in its place. Three places move through it:
/// <see cref="Cursor"/> (what the channel has handed to the socket; touched by one pump at a time) and <see cref="Told"/> (the last place that the
/// socket was told; touched by the socket's writer only), with <see cref="Passed"/> between them (what the writer has looked at).
/// </summary>
internal sealed class Subscription(Channel channel, ISubscriber subscriber, ImmutableArray<string> clients)
{
    private readonly CancellationTokenSource _closed = new();

    public Channel Channel { get; } = channel;

    public Address Address => Channel.Address;

    public ISubscriber Subscriber { get; } = subscriber;

    /// <summary>The CIDs that listen; each falls out when it falls off the socket. Changes under the socket's lock.</summary>
    public ImmutableArray<string> Clients { get; set; } = clients;

    /// <summary>
    /// Where the stay of each of them began. Who may not read what was said before may come back to any place from there on: what this socket has heard is not the past. Changes under the socket's lock.
    /// </summary>
    public ImmutableDictionary<string, Position> Stays { get; set; } = ImmutableDictionary<string, Position>.Empty;

    /// <summary>Those of them who want to be told who comes and goes. Changes under the socket's lock.</summary>
    public ImmutableArray<string> Watchers { get; set; } = [];

    /// <summary>Whether one of them watches who comes and goes.</summary>
    public bool IsWatching => !Watchers.IsEmpty;

    /// <summary>Whether it was not told of some that came and went. Changes under the lock of the channel's <see cref="PresenceLine"/>.</summary>
    public bool IsBehind { get; set; }

    /// <summary>Where it began: what stands behind this place it brings to the socket.</summary>
    public Position Start { get; set; } = Position.Start;

    public Position Cursor { get; set; } = Position.Start;

    public Position Told { get; set; } = Position.Start;

    public Position Passed { get; set; } = Position.Start;

    /// <summary>The one whose place it takes: a further client came to listen. What that one has brought this one does not bring again. Set before anything feeds it.</summary>
    public Subscription? Follows { get; set; }

    /// <summary>Up to where the one before it has brought everything; null: there was none. For the socket's writer alone, as <see cref="TakeOver"/>.</summary>
    public Position? Brought { get; set; }

    /// <summary>Takes over how far the one before it has come, which is closed by now.</summary>
    public void TakeOver()
    {
        if (Follows is { } before)
        {
            (Told, Passed, Brought, Follows) = (before.Told, before.Passed, before.Passed, null);
        }
    }

    /// <summary>Whether the channel's pump feeds it; until then its own catch-up does. Changes under the channel's lock.</summary>
    public bool IsLive { get; set; }

    /// <summary>What counts how far an inbox is read through it; null for all other channels. Set before anything feeds it.</summary>
    public IReading? Reading { get; set; }

    /// <summary>Whether there is room for more: in the line to the socket, and in the reader's hands.</summary>
    public bool HasRoom => Subscriber.HasRoom && Reading?.HasRoom != false;

    /// <summary>Completes when there is room for more; false when the socket is gone.</summary>
    public async ValueTask<bool> WaitForRoomAsync()
    {
        if (Reading is { HasRoom: false } reading)
        {
            // What it has to acknowledge first must reach it.
            Subscriber.Flush();
            await reading.WaitForRoomAsync(Closed);
        }

        return await Subscriber.WaitForRoomAsync(Closed);
    }

    public bool IsClosed => _closed.IsCancellationRequested;

    public CancellationToken Closed => _closed.Token;

    public void Close()
    {
        _closed.Cancel();
        Reading?.End();
    }
}
