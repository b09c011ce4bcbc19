using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// One reader of an inbox: the place up to which everything is acknowledged, and for one that acknowledges by hand what it has in hand beyond that. All its sockets share it. Not thread-safe: the inbox's lock is held around every call.
/// </summary>
internal sealed partial class InboxReader(string name, Position cursor)
{
    private readonly SortedDictionary<long, Outstanding> _outstanding = [];

    // Acknowledged beyond the cursor: as many as the window at most, for the first that is outstanding stands before them.
    private readonly HashSet<long> _settled = [];
    private readonly List<Over> _over = [];
    private readonly List<Outstanding> _anew = [];
    private Position _passed = cursor;
    private Position? _lastSettled;
    private int _left;

    public string Name => name;

    /// <summary>Everything up to here is acknowledged.</summary>
    public Position Cursor { get; private set; } = cursor;

    /// <summary>When it was used last.</summary>
    public DateTimeOffset Used { get; set; }

    /// <summary>Whether the log did not know its place any more when it was read: something may have been missed.</summary>
    public bool WasLost { get; set; }

    /// <summary>What reads as this reader now.</summary>
    public List<InboxReading> Readings { get; private init; } = [];

    /// <summary>How often it went on at another place, because the log did not know its own any more.</summary>
    public int Restarts { get; set; }

    /// <summary>How many messages it has in hand: offered to somebody who is there.</summary>
    public int InHand => _outstanding.Count - _left;

    /// <summary>When the first of what is in hand comes again; null: nothing does, or nobody is there whom it could come to.</summary>
    public DateTimeOffset? NextDue => HasManual && _outstanding.Count > 0
        ? _outstanding.Values.Min(o => o.Due)
        : _outstanding.Values.Where(o => o is { IsClaim: true, IsWaiting: false }).Select(o => (DateTimeOffset?)o.Due).Append(DealAt).Min();

    /// <summary>Whether somebody is there who acknowledges by hand.</summary>
    public bool HasManual => Readings.Exists(r => r.IsManual);

    /// <summary>The log does not know its place: it goes on behind this one.</summary>
    public void Restart(Position place)
    {
        (Cursor, _passed, WasLost, _lastSettled) = (place, place, true, null);
        Restarts++;
        _outstanding.Clear();
        _settled.Clear();
        _left = 0;
    }

    /// <summary>Everything up to a place is acknowledged; false where it was before.</summary>
    public bool AcknowledgeThrough(Position through, string? by)
    {
        if (through.Offset <= Cursor.Offset)
        {
            return false;
        }

        if (_outstanding.Count > 0)
        {
            foreach (var one in _outstanding.Values.TakeWhile(o => o.Position.Offset <= through.Offset).ToArray())
            {
                Drop(one, by, WithdrawnReason.Taken);
            }
        }

        _passed = through.Offset > _passed.Offset ? through : _passed;
        MoveTo(through);
        return true;
    }

    /// <summary>The message at a place is acknowledged. Null: it counts; else why it does not.</summary>
    public (int Code, string Name)? Acknowledge(Position position, int? attempt, string? by)
    {
        if (!_outstanding.TryGetValue(position.Offset, out var one) || one.Position != position)
        {
            return position.Offset <= Cursor.Offset || _settled.Contains(position.Offset) ? Errors.Taken : Errors.PlaceGone;
        }

        if (one.IsClaim || one.Holder is not null ? one.Holder != by || attempt != one.Attempt : attempt is not null && attempt != one.Attempt)
        {
            return Errors.StaleAttempt;
        }

        Settle(one.Position, by, WithdrawnReason.Taken);
        return null;
    }

    /// <summary>It is over with a message, by whoever's decision; false where it was already.</summary>
    public bool Settle(Position position, string? by, string reason)
    {
        if (!_outstanding.TryGetValue(position.Offset, out var one) || one.Position != position)
        {
            return false;
        }

        Drop(one, by, reason);
        SettleUnoffered(position);
        return true;
    }

    /// <summary>An entry is about to leave for a socket that acknowledges by hand; false where it must not: it is acknowledged, or its attempts are used up.</summary>
    public bool Offer(string to, LogEntry entry, DateTimeOffset due, int most, out int attempt)
    {
        attempt = 1;
        var offset = entry.Position.Offset;
        if (_settled.Contains(offset))
        {
            return false;
        }

        if (offset <= Cursor.Offset)
        {
            // Read again, by a place of one's own.
            return true;
        }

        if (!_outstanding.TryGetValue(offset, out var one))
        {
            _outstanding.Add(offset, one = new Outstanding(entry) { Due = due });
        }
        else if (one.IsLeft)
        {
            if (one.Attempt >= most)
            {
                return false;
            }

            Again(one, due);
        }

        one.OfferedTo.Add(to);
        attempt = one.Attempt;
        return true;
    }

    /// <summary>A message is offered once more.</summary>
    public void Again(Outstanding one, DateTimeOffset due)
    {
        _left -= one.IsLeft ? 1 : 0;
        (one.Attempt, one.IsLeft, one.Due) = (one.Attempt + 1, false, due);
    }

    /// <summary>Has a message in hand whose offering this process does not know of: it was made by the one before.</summary>
    public void TakeUp(string by, LogEntry entry, DateTimeOffset due)
    {
        if (entry.Position.Offset > Cursor.Offset && !_settled.Contains(entry.Position.Offset))
        {
            _outstanding.TryAdd(entry.Position.Offset, new Outstanding(entry) { Due = due });
            _outstanding[entry.Position.Offset].OfferedTo.Add(by);
        }

        _passed = entry.Position.Offset > _passed.Offset ? entry.Position : _passed;
    }

    /// <summary>Everything up to a place has left for a socket that acknowledges by hand, or was not for it.</summary>
    public void Pass(Position through)
    {
        if (through.Offset > _passed.Offset)
        {
            _passed = through;
            Advance();
        }
    }

    /// <summary>What is due comes again: offered anew by hand, taken back where it was claimed, and after its last attempt, which is returned, given up.</summary>
    public List<(Outstanding One, int Attempt)> ComeAgain(DateTimeOffset now, int most, Func<int, TimeSpan> pause, string node)
    {
        var spent = new List<(Outstanding, int)>();
        foreach (var one in _outstanding.Values.Where(o => IsDue(o, now) && !IsElsewhere(o, node)).ToArray())
        {
            if (one.Attempt >= most)
            {
                // What cannot be given up now is tried again like the rest.
                one.Due = now + pause(one.Attempt + 1);
                (one.Holder, one.Node) = node.Length == 0 ? (one.Holder, null) : ("", node);
                spent.Add((one, one.Attempt));
            }
            else if (one.IsClaim)
            {
                // It was the lease that was over, or the pause behind it.
                _over.Add(new(one, one.Attempt, one.OfferedTo, null, WithdrawnReason.Expired));
                one.Free(now);
                one.IsWaiting = true;
            }
            else
            {
                Again(one, now + pause(one.Attempt + 1));
                _anew.Add(one);
            }
        }

        return spent;
    }

    /// <summary>What is over since it was asked last.</summary>
    public Over[] TakeOver() => Take(_over);

    /// <summary>What all who acknowledge by hand are to be offered anew, since it was asked last.</summary>
    public Outstanding[] TakeAnew() => Take(_anew);

    /// <summary>A subscription begins. What those before it left comes to it with what it catches up on, or as <paramref name="due"/>.</summary>
    public void Arrive(InboxReading reading, DateTimeOffset due)
    {
        var isFirst = reading.IsManual && !HasManual;
        Readings.Add(reading);
        TurnTo(reading.IsClaim);
        foreach (var one in _outstanding.Values.Where(o => o.IsLeft || (isFirst && !o.IsClaim && o.Due < due) || (o.Node is not null && o.Due > due)))
        {
            one.Due = due;
        }
    }

    /// <summary>A subscription is over. With the last one that acknowledges by hand, what is in hand lies there until somebody comes.</summary>
    public void Leave(InboxReading reading)
    {
        Readings.Remove(reading);
        if (!HasManual)
        {
            foreach (var one in _outstanding.Values.Where(o => !o.IsClaim))
            {
                one.IsLeft = true;
                one.OfferedTo.Clear();
            }

            Recount();
        }
    }

    private static T[] Take<T>(List<T> from)
    {
        if (from.Count == 0)
        {
            return [];
        }

        T[] all = [.. from];
        from.Clear();
        return all;
    }

    private bool IsDue(Outstanding one, DateTimeOffset now) => one.Due <= now && (one.IsClaim ? !one.IsWaiting : HasManual);

    private void SettleUnoffered(Position position)
    {
        _settled.Add(position.Offset);
        _lastSettled = position.Offset > (_lastSettled?.Offset ?? 0) ? position : _lastSettled;
        Advance();
    }

    private void Drop(Outstanding one, string? by, string reason)
    {
        _left -= one.IsLeft ? 1 : 0;
        _outstanding.Remove(one.Position.Offset);
        _over.Add(new(one, one.Attempt, one.OfferedTo, by, reason));
    }

    private void Recount() => _left = _outstanding.Values.Count(o => o.IsLeft);

    private void Advance()
    {
        using var first = _outstanding.Values.GetEnumerator();
        var place = first.MoveNext() ? first.Current.Before : _passed;
        if (place.Offset > Cursor.Offset)
        {
            MoveTo(place);
        }
    }

    private void MoveTo(Position place)
    {
        // Where others have dealt what lies before, this node has nothing of it to deal.
        (Cursor, _passed) = (place, place.Offset > _passed.Offset ? place : _passed);
        _settled.RemoveWhere(o => o <= place.Offset);
    }
}
