using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>
/// What waits to be written to one socket, and the one writer at a time that writes it: <em>idle</em> (nothing waits), <em>writing</em> (a
/// thread drains; whoever enqueues leaves it to that thread) or <em>over</em> (closed; what comes is dropped). Frames that wait together become one write. A
/// socket that keeps up never queues; one that does not is reported as slow when <see cref="LimitOptions.SocketQueueBytes"/> wait or the oldest is
/// <see cref="TimeOptions.SocketQueueAge"/> old, behind some 4 MB that pipe and kernel have taken. Thread-safe.
/// </summary>
internal sealed partial class SocketQueue(Socket socket, HubConnectionContext connection, TimeProvider time, DuplexityOptions options, ActingLease? lease, Metrics metrics, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly Queue<Item> _items = new();
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _room;
    private int _bytes;
    private bool _isWriting;
    private bool _isOver;
    private bool _isSlow;
    private bool _isTaking;
    private TaskCompletionSource? _handed;

    public void Enqueue(Subscription subscription, Delivery delivery) => Add(new Item(Kind.Delivery, subscription, delivery, default, null, time.GetTimestamp(), delivery.Size));

    public void Again(Subscription subscription, Delivery delivery, int attempt)
    {
        Add(new Item(Kind.Again, subscription, delivery, default, null, time.GetTimestamp(), delivery.Size) { Attempt = attempt });
        Flush();
    }

    public void Move(Subscription subscription, Position place) => Add(new Item(Kind.Move, subscription, null, default, place, time.GetTimestamp(), 0));

    /// <summary>From here on a subscription goes on where the one is that it follows, whose last items stand before this.</summary>
    public void TakeOver(Subscription subscription)
    {
        Add(new Item(Kind.TakeOver, subscription, null, default, null, time.GetTimestamp(), 0));
        Flush();
    }

    /// <summary>A subscription is over: what others have withheld because it was to bring it, they bring.</summary>
    public void Leave(Subscription subscription)
    {
        Add(new Item(Kind.Leave, subscription, null, default, null, time.GetTimestamp(), 0));
        Flush();
    }

    /// <summary>Adds who came and went, in line, and writes.</summary>
    public void Tell(Subscription subscription, PresenceNews news)
    {
        var frame = news.Frame(connection.Protocol);
        Add(new Item(Kind.Presence, subscription, null, frame, null, time.GetTimestamp(), frame.Length));
        Flush();
    }

    /// <summary>Tells the socket how far it is where no message has said it (G9).</summary>
    public void Advance(Subscription subscription)
    {
        // A stale read only tells a little earlier or later; the writer looks again.
        if (subscription.Told != subscription.Passed)
        {
            Add(new Item(Kind.Advance, subscription, null, default, null, time.GetTimestamp(), 0));
            Flush();
        }
    }

    /// <summary>Adds an event that is not a delivery, in line, and writes.</summary>
    public void Send(string name, object argument) => Send(new InvocationMessage(name, [argument]));

    /// <summary>Adds any hub message, in line, and writes.</summary>
    public void Send(HubMessage message)
    {
        var frame = connection.Protocol.GetMessageBytes(message);
        Add(new Item(Kind.Frame, null, null, frame, null, time.GetTimestamp(), frame.Length));
        Flush();
    }

    /// <summary>Nothing is taken any more; what waits is dropped, but for <paramref name="last"/>. Completes when that is written, which a stalled socket never lets happen.</summary>
    public Task FinishAsync(DisconnectedEvent? last)
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return _finished.Task;
            }

            _isOver = true;
            _items.Clear();
            _bytes = 0;
            _room?.TrySetResult();
            if (last is not null)
            {
                var frame = connection.Protocol.GetMessageBytes(new InvocationMessage(nameof(IDataClient.Disconnected), [last]));
                _items.Enqueue(new Item(Kind.Frame, null, null, frame, null, time.GetTimestamp(), 0));
            }
            else if (!_isWriting)
            {
                _finished.TrySetResult();
            }
        }

        Flush();
        return _finished.Task;
    }

    /// <summary>Whether less than half of the queue's bound waits.</summary>
    public bool HasRoom => Volatile.Read(ref _bytes) < options.Limits.SocketQueueBytes / 2;

    /// <summary>Completes when less than half of the queue's bound waits; false when the socket is over.</summary>
    public async ValueTask<bool> WaitForRoomAsync(CancellationToken ct)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (_isOver)
                {
                    return false;
                }

                if (HasRoom)
                {
                    return true;
                }

                room = (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            // Whoever waits for room has enqueued without writing: nobody else may be on the way to make some.
            Flush();
            await room.WaitAsync(ct);
        }
    }

    /// <summary>Completes when what the writer has looked at is with the transport, which nobody can call back: all else it judges by what holds now (G8).</summary>
    public Task PassAsync()
    {
        lock (_lock)
        {
            return _isTaking ? (_handed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
        }
    }

    /// <summary>Whether the node may not act: what waits goes on waiting, but for the last word of a socket that is closed.</summary>
    private bool IsSilent => lease is { IsOver: true };

    /// <summary>Whether the oldest entry has waited too long; asked by the sweep.</summary>
    public bool IsTooOld()
    {
        lock (_lock)
        {
            return !_isOver && !IsSilent && _items.TryPeek(out var oldest) && time.GetElapsedTime(Math.Max(oldest.Since, lease?.ActingSince ?? 0)) > options.Times.SocketQueueAge;
        }
    }

    /// <summary>Writes what waits, unless another thread does. Returns as soon as the socket does not take more at once.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_isWriting || _items.Count == 0 || (IsSilent && !_isOver))
            {
                return;
            }

            _isWriting = true;
        }

        _ = WriteAsync();
    }

    private void Add(Item item)
    {
        bool isSlow;
        lock (_lock)
        {
            if (_isOver)
            {
                return;
            }

            _items.Enqueue(item);
            _bytes += item.Size;
            isSlow = _bytes > options.Limits.SocketQueueBytes && _isWriting && !_isSlow;
            _isSlow |= isSlow;
        }

        if (isSlow)
        {
            socket.CloseAsSlow("size");
        }
    }
}
