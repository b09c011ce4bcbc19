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
    public List<InboxReading> Readings { get; } = [];

    /// <summary>How many messages it has in hand: offered to somebody who is there.</summary>
    public int InHand => _outstanding.Count - _left;

    /// <summary>When the first of what is in hand comes again; null: nothing does, or nobody is there whom it could come to.</summary>
    public DateTimeOffset? NextDue => HasManual && _outstanding.Count > 0
        ? _outstanding.Values.Min(o => o.Due)
        : _outstanding.Values.Where(o => o is { IsClaim: true, IsWaiting: false }).Select(o => (DateTimeOffset?)o.Due).Append(DealAt).Min();

    private bool HasManual => Readings.Exists(r => r.IsManual);

    /// <summary>The log does not know its place: it goes on behind this one.</summary>
    public void Restart(Position place)
    {
        (Cursor, _passed, WasLost, _lastSettled) = (place, place, true, null);
        _outstanding.Clear();
        _settled.Clear();
        _left = 0;
    }

    /// <summary>Everything up to a place is acknowledged; false where it was before.</summary>
    public bool AcknowledgeThrough(Position through, out Outstanding[] settled)
    {
        settled = [];
        if (through.Offset <= Cursor.Offset)
        {
            return false;
        }

        settled = [.. _outstanding.Values.TakeWhile(o => o.Position.Offset <= through.Offset)];
        foreach (var one in settled)
        {
            _left -= one.IsLeft ? 1 : 0;
            _outstanding.Remove(one.Position.Offset);
        }

        _passed = through.Offset > _passed.Offset ? through : _passed;
        MoveTo(through);
        return true;
    }

    /// <summary>The message at a place is acknowledged. Null: it counts; else why it does not.</summary>
    public (int Code, string Name)? Acknowledge(Position position, int? attempt, string? by, out Outstanding? one)
    {
        if (!_outstanding.TryGetValue(position.Offset, out one) || one.Position != position)
        {
            return position.Offset <= Cursor.Offset || _settled.Contains(position.Offset) ? Errors.Taken : Errors.PlaceGone;
        }

        if (one.IsClaim ? one.Holder != by || attempt != one.Attempt : attempt is not null && attempt != one.Attempt)
        {
            return Errors.StaleAttempt;
        }

        Settle(one);
        return null;
    }

    /// <summary>It is over with a message, by whoever's decision.</summary>
    public void Settle(Outstanding one)
    {
        if (_outstanding.Remove(one.Position.Offset))
        {
            _left -= one.IsLeft ? 1 : 0;
            _settled.Add(one.Position.Offset);
            _lastSettled = one.Position.Offset > (_lastSettled?.Offset ?? 0) ? one.Position : _lastSettled;
            Advance();
        }
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

    /// <summary>What has been due by now.</summary>
    public Outstanding[] Due(DateTimeOffset now) => [.. _outstanding.Values.Where(o => o.Due <= now && (o.IsClaim ? !o.IsWaiting : HasManual))];

    /// <summary>A subscription begins. What those before it left comes to it with what it catches up on, or as <paramref name="due"/>.</summary>
    public void Arrive(InboxReading reading, DateTimeOffset due)
    {
        Readings.Add(reading);
        TurnTo(reading.IsClaim);
        foreach (var one in _outstanding.Values.Where(o => o.IsLeft))
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

            _left = _outstanding.Values.Count(o => o.IsLeft);
        }
    }

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
        Cursor = place;
        _settled.RemoveWhere(o => o <= place.Offset);
    }
}
