using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Duplexity.Server.Sockets;

/// <content>What stands in line, and what of it leaves.</content>
internal sealed partial class SocketQueue
{
    private enum Kind
    {
        Frame,
        Delivery,
        Again,
        Move,
        Advance,
        Presence,
        TakeOver,
        Leave,
    }

    private readonly record struct Item(Kind Kind, Subscription? Subscription, Delivery? Delivery, ReadOnlyMemory<byte> Frame, Position? Place, long Since, int Size)
    {
        /// <summary>With <see cref="Kind.Again"/>: which one.</summary>
        public int Attempt { get; init; }
    }

    /// <summary>The frame of an item as it leaves; null where it is not for this socket (G8: the last gates stand here, not where it was enqueued).</summary>
    private ReadOnlyMemory<byte>? Frame(in Item item)
    {
        if (item.Subscription is not { } subscription)
        {
            return item.Frame;
        }

        if (item.Kind == Kind.Presence)
        {
            return socket.Sees(subscription) ? item.Frame : null;
        }

        if (item.Kind == Kind.TakeOver)
        {
            subscription.TakeOver();
            return null;
        }

        if (item.Kind == Kind.Leave)
        {
            return null;
        }

        var told = subscription.Told;
        if (item.Kind == Kind.Move)
        {
            // What lay before is gone from its log, and nothing that it would bring.
            subscription.Brought = null;
            subscription.Start = subscription.Told = subscription.Passed = item.Place!;
            return null;
        }

        if (item.Kind == Kind.Advance)
        {
            subscription.Told = subscription.Passed;
            return subscription.IsClosed || told == subscription.Passed ? null : AdvancedFrame(subscription, told, subscription.Passed);
        }

        var entry = item.Delivery!.Entry;
        if (item.Kind == Kind.Again)
        {
            return !subscription.IsClosed && socket.ReceiverOf(subscription, entry, out _) is { } again
                ? Noted(entry, item.Delivery.Frame(connection.Protocol, again == socket.Primary ? null : again, null, item.Attempt))
                : null;
        }

        // Whoever takes its place brings what this one has not looked at.
        if (subscription.IsClosed || subscription.Brought?.Offset >= entry.Position.Offset)
        {
            return null;
        }

        subscription.Passed = entry.Position;
        var reading = subscription.Reading;
        if (reading is not null)
        {
            reading.Looked();
            _read.Add(subscription);
        }

        return Copy(subscription, item.Delivery);
    }

    /// <summary>The copy of an entry as it leaves; null where it is not for this socket, or is to come under another channel.</summary>
    private ReadOnlyMemory<byte>? Copy(Subscription subscription, Delivery delivery)
    {
        var (entry, told, attempt) = (delivery.Entry, subscription.Told, 1);
        var receiver = socket.ReceiverOf(subscription, entry, out var bringing);
        if (bringing is var (by, at) && !TryWithhold(by, at, subscription, delivery))
        {
            receiver = socket.HolderOf(subscription, entry);
        }

        if (receiver is null || subscription.Reading?.Offer(entry, out attempt) == false)
        {
            return null;
        }

        socket.Delivered(entry, receiver);
        if (IsLate(subscription, entry))
        {
            return Noted(entry, delivery.Frame(connection.Protocol, receiver == socket.Primary ? null : receiver, told, attempt > 1 ? attempt : null));
        }

        subscription.Told = entry.Position;

        // Left out, `after` means the offset before under the same epoch: the client knows no other epoch than that of the message (G2).
        var isJustBefore = told == entry.Before && (told.Epoch == entry.Position.Epoch || told == Position.Start);
        return Noted(entry, delivery.Frame(connection.Protocol, receiver == socket.Primary ? null : receiver, isJustBefore ? null : told, attempt > 1 ? attempt : null));
    }

    private ReadOnlyMemory<byte> AdvancedFrame(Subscription subscription, Position after, Position through) => connection.Protocol.GetMessageBytes(new InvocationMessage(
        nameof(IDataClient.Advanced), [new AdvancedEvent { Channel = subscription.Address.ToString(), After = after, Through = through }]));

    /// <summary>The frame of an entry; where its sender waits for that, its writing is noted.</summary>
    private ReadOnlyMemory<byte> Noted(LogEntry entry, ReadOnlyMemory<byte> frame)
    {
        if (socket.IsAwaited(entry))
        {
            _awaited.Add(entry);
        }

        return frame;
    }
}
