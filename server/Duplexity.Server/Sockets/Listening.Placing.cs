using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>What the application does with a client's listening (moderation, bots): no gate is asked, and the socket is told.</summary>
internal sealed partial class Listening
{
    /// <summary>Lets a client of a socket listen to a channel from now on; false where it does already, or cannot: the socket has its limit of channels, or the room is full.</summary>
    public Task<bool> PlaceAsync(Socket socket, HeldIdentity held, Address address) => PlaceAsync(socket, held, address, null);

    /// <summary>A client of a socket is in another lockspace from now on: it holds the client already.</summary>
    public async Task MoveAsync(Socket socket, HeldIdentity held, Address from, Address to)
    {
        await PlaceAsync(socket, held, to, from);
        await DisplaceAsync(socket, held.Client, from, $"It was moved to {VisibleText.Of(to.ToString(), Address.MaxBytes)}.");
    }

    private async Task<bool> PlaceAsync(Socket socket, HeldIdentity held, Address address, Address? from)
    {
        var there = socket.SubscriptionTo(address);
        var start = there?.Told ?? await engine.Log.TopAsync(address);
        if (there?.Clients.Contains(held.Client) == true || !socket.TryListen(address, held.Client, start, out var subscription, isSharing: true))
        {
            return false;
        }

        if (await EnterAsync(socket, held, address, isNew: true, isHeld: from is not null) is not null)
        {
            return false;
        }

        socket.Queue.Send(nameof(IDataClient.Joined), new JoinedEvent { Channel = address.ToString(), Client = held.Client, Position = start, From = from?.ToString() });
        _ = Task.Run(() => subscription!.Channel.CatchUpAsync(subscription));
        watches.Mark(socket, held.Client, SocketChangeKind.Changed);
        return true;
    }

    /// <summary>Ends what a client of a socket listens to; false where it did not.</summary>
    public async Task<bool> DisplaceAsync(Socket socket, string client, Address address, string reason)
    {
        if (!await StopAsync(socket, address, client, DepartureReason.Removed))
        {
            return false;
        }

        socket.Queue.Send(nameof(IDataClient.Left), new LeftEvent { Channel = address.ToString(), Client = client, Reason = reason });
        watches.Mark(socket, client, SocketChangeKind.Changed);
        return true;
    }
}
