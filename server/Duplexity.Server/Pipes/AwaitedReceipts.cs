using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The messages whose senders want to be told that they were delivered or acknowledged. In memory: with the sender's socket, after <see cref="TimeOptions.Receipt"/>, or with the process nobody is told any more. Who does not ask costs a look at an empty table. Thread-safe.
/// </summary>
internal sealed class AwaitedReceipts : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, AwaitedReceipt> _byMessage = new(StringComparer.Ordinal);
    private readonly Dictionary<Address, SortedDictionary<long, AwaitedReceipt>> _byInbox = [];
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options;
    private readonly ITimer _sweep;

    public AwaitedReceipts(InboxIndex inboxes, TimeProvider time, DuplexityOptions options)
    {
        (_time, _options) = (time, options);
        _sweep = time.CreateTimer(_ => Sweep(), null, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
        inboxes.Acknowledged += Acknowledged;
        inboxes.GivenUp += GivenUp;
    }

    /// <summary>How many are awaited.</summary>
    public int Count => _byMessage.Count;

    /// <summary>Whether somebody wants to know of a message; the one question on the way of those who do not.</summary>
    public bool IsAwaited(string messageId) => !_byMessage.IsEmpty && _byMessage.ContainsKey(messageId);

    /// <summary>A message is about to be stored, and its sender wants to know. Null: it will; else its client awaits as many as it may. Sent again, it is awaited anew.</summary>
    public DuplexityError? Await(string messageId, Sender sender, ReceiptLevel level, IReadOnlyCollection<Address> destinations)
    {
        lock (_lock)
        {
            ForgetUnsynchronized(_byMessage.GetValueOrDefault(messageId));
            var count = _counts.GetValueOrDefault(sender.Client);
            if (count >= _options.Limits.AwaitedReceipts)
            {
                return DuplexityError.Of(Errors.RateLimited, $"{count} messages of this client wait to be delivered or acknowledged; send with level stored, or wait for some of them.") with { Limit = "awaited_receipts", Used = count };
            }

            _counts[sender.Client] = count + 1;
            _byMessage[messageId] = new AwaitedReceipt(messageId, sender, level, destinations, _time.GetUtcNow() + _options.Times.Receipt);
            return null;
        }
    }

    /// <summary>It was not stored.</summary>
    public void Forget(string messageId)
    {
        lock (_lock)
        {
            ForgetUnsynchronized(_byMessage.GetValueOrDefault(messageId));
        }
    }

    /// <summary>It is stored, there.</summary>
    public void Stored(string messageId, AppendResult result)
    {
        lock (_lock)
        {
            if (_byMessage.TryGetValue(messageId, out var awaited))
            {
                awaited.Keep(result.Destinations);
                foreach (var (destination, place) in result.Destinations.Zip(result.Positions))
                {
                    PlaceUnsynchronized(awaited, destination, place);
                }
            }
        }
    }

    /// <summary>A copy is with a socket.</summary>
    public void Delivered(LogEntry entry)
    {
        lock (_lock)
        {
            if (_byMessage.TryGetValue(entry.Message.Id, out var awaited))
            {
                PlaceUnsynchronized(awaited, entry.Channel, entry.Position);
                ReachUnsynchronized(awaited, entry.Channel, ReceiptLevel.Delivered);
            }
        }
    }

    /// <summary>A sender's socket is gone, or a client has fallen off it: nobody is there to be told.</summary>
    public void Release(SendLine line, string? client)
    {
        if (_byMessage.IsEmpty)
        {
            return;
        }

        lock (_lock)
        {
            foreach (var awaited in _byMessage.Values.Where(a => a.Sender.Line == line && (client is null || a.Sender.Client == client)))
            {
                ForgetUnsynchronized(awaited);
            }
        }
    }

    public void Dispose() => _sweep.Dispose();

    /// <summary>An inbox's reader has acknowledged the message at a place, or all up to it.</summary>
    private void Acknowledged(Address inbox, Position place, bool isThrough)
    {
        if (_byMessage.IsEmpty)
        {
            return;
        }

        lock (_lock)
        {
            foreach (var awaited in AtUnsynchronized(inbox, place, isThrough))
            {
                ReachUnsynchronized(awaited, inbox, ReceiptLevel.Acknowledged);
            }
        }
    }

    /// <summary>An inbox has given a message up.</summary>
    private void GivenUp(Address inbox, Position place)
    {
        lock (_lock)
        {
            foreach (var awaited in AtUnsynchronized(inbox, place, isThrough: false))
            {
                EndUnsynchronized(awaited, inbox, $"It was offered as often as it may be and never acknowledged; it is a dead letter of {VisibleText.Of(inbox.ToString())}.");
            }
        }
    }

    private AwaitedReceipt[] AtUnsynchronized(Address inbox, Position place, bool isThrough) => _byInbox.GetValueOrDefault(inbox) is not { } here ? []
        : isThrough ? [.. here.TakeWhile(a => a.Key <= place.Offset).Select(a => a.Value)]
        : here.TryGetValue(place.Offset, out var one) ? [one] : [];

    private void PlaceUnsynchronized(AwaitedReceipt awaited, Address destination, Position place)
    {
        awaited.Places[destination] = place;
        if (destination.Kind == AddressKind.Client)
        {
            if (!_byInbox.TryGetValue(destination, out var here))
            {
                _byInbox.Add(destination, here = []);
            }

            here[place.Offset] = awaited;
        }
    }

    private void ReachUnsynchronized(AwaitedReceipt awaited, Address destination, ReceiptLevel level)
    {
        if (!awaited.Reach(destination, level))
        {
            return;
        }

        // Put into the socket's line under the lock, so that what is told is told in order; nothing here waits.
        awaited.Sender.Line!.End.Tell(new ReceiptChangedEvent
        {
            MessageId = awaited.MessageId,
            Level = Levels.Word(level),
            Destinations = [new DestinationResult { To = destination.ToString(), Position = awaited.Places.GetValueOrDefault(destination) }],
        });
        if (awaited.IsDone)
        {
            ForgetUnsynchronized(awaited);
        }
    }

    private void EndUnsynchronized(AwaitedReceipt awaited, Address? destination, string sentence)
    {
        var error = DuplexityError.Of(Errors.NotReached, sentence);
        ForgetUnsynchronized(awaited);
        awaited.Sender.Line!.End.Tell(new ReceiptChangedEvent
        {
            MessageId = awaited.MessageId,
            Error = error,
            Destinations = destination is { } to ? [new DestinationResult { To = to.ToString(), Position = awaited.Places.GetValueOrDefault(to), Error = error }] : null,
        });
    }

    private void ForgetUnsynchronized(AwaitedReceipt? awaited)
    {
        if (awaited is null || !_byMessage.TryRemove(new(awaited.MessageId, awaited)))
        {
            return;
        }

        var client = awaited.Sender.Client;
        if (--_counts[client] == 0)
        {
            _counts.Remove(client);
        }

        foreach (var (destination, place) in awaited.Places)
        {
            if (_byInbox.TryGetValue(destination, out var here) && here.Remove(place.Offset) && here.Count == 0)
            {
                _byInbox.Remove(destination);
            }
        }
    }

    private void Sweep()
    {
        var now = _time.GetUtcNow();
        lock (_lock)
        {
            foreach (var awaited in _byMessage.Values.Where(a => a.Until <= now))
            {
                EndUnsynchronized(awaited, null, $"It did not come that far within {_options.Times.Receipt.TotalMinutes:0.#} min. It is stored, and may still; nobody is told of it any more.");
            }
        }
    }
}
