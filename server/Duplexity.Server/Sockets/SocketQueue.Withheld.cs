using System.Buffers;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Sockets;

/// <content>
/// Copies that are withheld because another destination is to bring the message, until it has (G9): where it does not, because its subscription ends or a gate stands there, they leave after all. Such a copy may come behind
/// later ones of its channel: it follows what was told last, as everything does, and a place without a message leads back to that.
/// </content>
internal sealed partial class SocketQueue
{
    /// <summary>How many are waited for, of <see cref="LimitOptions.SocketQueueBytes"/> together at most, while the pump of the channel that is to bring them is behind; beyond it copies leave at once, and the receiver may see a second one, which SDKs drop by its id.</summary>
    private const int MostWithheld = 1_000;

    // For the writer alone.
    private readonly List<Withheld> _withheld = [];
    private int _withheldBytes;

    private readonly record struct Withheld(Subscription By, Position At, Subscription Subscription, Delivery Delivery);

    /// <summary>Whether the socket has been told of later places of this log.</summary>
    private static bool IsLate(Subscription subscription, LogEntry entry) => subscription.Told.Epoch == entry.Position.Epoch && subscription.Told.Offset > entry.Position.Offset;

    private bool TryWithhold(Subscription by, Position at, Subscription subscription, Delivery delivery)
    {
        if (_withheld.Count >= MostWithheld || _withheldBytes + delivery.Size > options.Limits.SocketQueueBytes)
        {
            return false;
        }

        _withheldBytes += delivery.Size;
        _withheld.Add(new(by, at, subscription, delivery));
        return true;
    }

    /// <summary>A subscription has come further, or is over: what it was to bring, it has brought, or somebody else does.</summary>
    private void SettleWithheld(Subscription by)
    {
        bool IsDue(Withheld one) => one.By == by && (by.IsClosed || by.Passed.Offset >= one.At.Offset);
        Withheld[] due = [.. _withheld.Where(IsDue)];
        if (due.Length == 0)
        {
            return;
        }

        _withheld.RemoveAll(IsDue);
        _withheldBytes -= due.Sum(w => w.Delivery.Size);
        foreach (var one in due.Where(w => by.Told != w.At))
        {
            Bring(one);
        }
    }

    private void Bring(Withheld one)
    {
        // Whoever has joined anew, from before it, comes to it by itself.
        var (entry, subscription) = (one.Delivery.Entry, socket.SubscriptionTo(one.Subscription.Address));
        if (subscription is null || (subscription != one.Subscription && subscription.Passed.Offset < entry.Position.Offset) || Copy(subscription, one.Delivery) is not { } copy)
        {
            return;
        }

        _buffer.Write(copy.Span);
        _delivered++;
        if (IsLate(subscription, entry))
        {
            _buffer.Write(AdvancedFrame(subscription, entry.Position, subscription.Told).Span);
        }
    }
}
