using Duplexity.Protocol;
using Duplexity.Server.Channels;

namespace Duplexity.Server.Sockets;

/// <summary>Who is in a lockspace and held by it: what a coming and a going mean there, and who is told of it. Thread-safe.</summary>
internal sealed class Membership(Lockspaces lockspaces, Holdings holdings, KeyTries tries, SocketIndex sockets)
{
    /// <summary>Why a client may not come in just now; null: it may. Where its coming and going is told on the lockspace's channel, both together cost it as much as a message.</summary>
    public DuplexityError? TakeEntry(HeldIdentity held, Address address) => lockspaces.HasChannel(address) ? held.Meter.TakeCall(held.Rules) : null;

    /// <summary>A client has come into a lockspace from a socket. The owner, and who is admitted, is not held; who was moved there, is already.</summary>
    public void Enter(Socket socket, string client, string name, bool isHeld = false)
    {
        var pair = new HeldPair(client, socket.Id);
        Tell(name, pair, MemberChange.Entered);
        if (!isHeld && lockspaces.Find(name) is { Holds: true } made && made.Owner != client && !made.Admitted.Contains(client))
        {
            holdings.Push(pair, name);
            if (socket.IsClosing || socket.Identities.Find(client) is null)
            {
                // That end may have been before the line above.
                holdings.Unwind(pair);
                return;
            }

            TellHeld(pair, MemberChange.Entered);
        }
    }

    /// <summary>Why a client may not go out of a lockspace by itself; null: it may, and is let out.</summary>
    public DuplexityError? Leave(Socket socket, string client, string name, string? key)
    {
        var pair = new HeldPair(client, socket.Id);
        if (!holdings.StackOf(pair).Contains(name))
        {
            return null;
        }

        if (lockspaces.Find(name) is { } made)
        {
            if ((key is null ? null : tries.Take(client, name)) is { } tooMany)
            {
                return tooMany;
            }

            if (!made.Opens(key))
            {
                return Pipes.HoldGate.Held(client, name);
            }

            tries.Forget(client, name);
        }

        Free([pair], name, MemberChange.Left);
        return null;
    }

    /// <summary>A client is gone from a lockspace: it left, or fell off the socket.</summary>
    public void Gone(string client, string socketId, string name)
    {
        holdings.Release(new(client, socketId), name);
        Tell(name, new(client, socketId), MemberChange.Left);
    }

    /// <summary>A client is gone from a socket altogether.</summary>
    public void Unwind(string client, string socketId) => holdings.Unwind(new(client, socketId));

    /// <summary>A lockspace lets pairs go. Returns how many.</summary>
    public int Free(HeldPair[] pairs, string name, string change) => Change(pairs, pair => holdings.Release(pair, name), name, change);

    /// <summary>Changes who holds pairs, and tells each and the lockspace. Returns how many that were.</summary>
    public int Change(HeldPair[] pairs, Func<HeldPair, bool> change, string name, string word)
    {
        var count = 0;
        foreach (var pair in pairs)
        {
            if (change(pair))
            {
                count++;
                TellHeld(pair, word);
                Tell(name, pair, word);
            }
        }

        return count;
    }

    private void TellHeld(HeldPair pair, string change)
    {
        var stack = holdings.StackOf(pair);
        sockets.Find(pair.SocketId)?.Queue.Send(nameof(IDataClient.HeldChanged), new HeldChangedEvent
        {
            Client = pair.Client,
            Change = change,
            Stack = [.. stack],
            Task = stack.IsEmpty ? null : lockspaces.Find(stack[^1])?.Task,
        });
    }

    private void Tell(string name, HeldPair pair, string change) => lockspaces.Tell(
        name, "duplexity.member", new LockspaceMemberEvent { Lockspace = name, Change = change, Member = new() { Client = pair.Client, Socket = pair.SocketId } }, pair.Client);
}
