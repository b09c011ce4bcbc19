using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <content>What is dealt to one socket at a time.</content>
internal sealed partial class InboxReader
{
    /// <summary>Whether somebody deals now; the one who does looks again where <see cref="HasNews"/>.</summary>
    public bool IsDealing { get; set; }

    /// <summary>Whether there may be more to deal than the one who deals has seen.</summary>
    public bool HasNews { get; set; }

    /// <summary>When to look again after dealing has failed; null: it has not.</summary>
    public DateTimeOffset? DealAt { get; set; }

    /// <summary>Whether what was claimed before this process began is known.</summary>
    public bool KnowsClaims { get; private set; }

    /// <summary>Everything up to here was dealt once, or was not to be.</summary>
    public Position Passed => _passed;

    /// <summary>Whether somebody is there who claims.</summary>
    public bool IsClaimed => Readings.Exists(r => r.IsClaim);

    /// <summary>Whether something is claimed, by whoever is there or was.</summary>
    public bool HasClaims => IsClaimed || Elsewhere.ContainsValue(true) || _outstanding.Values.Any(o => o.Holder is { Length: > 0 });

    /// <summary>Whether something waits for somebody who is free.</summary>
    public bool HasWaiting => _outstanding.Values.Any(o => o is { IsWaiting: true, Holder: null });

    /// <summary>How many more may be dealt.</summary>
    public int FreeHands(int window) => Math.Min(window - _outstanding.Count, Readings.Sum(r => r.IsClaim ? Math.Max(0, r.Hands - HeldBy(r)) : 0));

    /// <summary>Whether a socket cannot read as it wants to: what is claimed is claimed by all who read as this reader.</summary>
    public bool Excludes(string socketId, bool isClaim) =>
        Readings.Exists(r => r.SocketId != socketId && r.IsClaim != isClaim) || Elsewhere.ContainsValue(!isClaim) || (!isClaim && _outstanding.Values.Any(o => o.Holder is { Length: > 0 } holder && holder != socketId));

    /// <summary>What was claimed before this process began: its lease runs from now, for whoever has it may be at it still. With it what was settled then, which may be more than the reader's own record says.</summary>
    public void Restore(IEnumerable<OutstandingRecord> claims, Position? place, long[] settled, Position? last, DateTimeOffset due)
    {
        KnowsClaims = true;
        if (place is not null)
        {
            AcknowledgeThrough(place, null);
        }

        if (last is not null)
        {
            RestoreSettled(settled, last);
        }

        foreach (var claim in claims)
        {
            var (at, before) = (Position.Parse(claim.Place), Position.Parse(claim.Before));
            if (at.Offset > Cursor.Offset && !_settled.Contains(at.Offset))
            {
                _outstanding.TryAdd(at.Offset, new Outstanding(claim.Id, at, before) { Attempt = claim.Attempt, IsClaim = true, Due = due });
            }
        }
    }

    /// <summary>What is kept of claims.</summary>
    public OutstandingRecord[] Claims() => [.. _outstanding.Values.Select(o => new OutstandingRecord(o.MessageId, o.Position.ToString(), o.Before.ToString(), o.Attempt))];

    /// <summary>Gives what waits to those who are free.</summary>
    public List<Deal> DealAgain(DateTimeOffset leaseEnd, string? node)
    {
        var deals = new List<Deal>();
        foreach (var one in _outstanding.Values.Where(o => o is { IsWaiting: true, Holder: null }))
        {
            if (FreeHand() is not { } to)
            {
                break;
            }

            one.Attempt++;
            deals.Add(Give(one, to, leaseEnd, node, null));
        }

        return deals;
    }

    /// <summary>Gives the entry behind <see cref="Passed"/> to one who is free; null where it is not to be dealt now.</summary>
    public Deal? DealNext(LogEntry entry, DateTimeOffset leaseEnd, string? node)
    {
        if (entry.Before != _passed || FreeHand() is not { } to)
        {
            return null;
        }

        _passed = entry.Position;
        if (_settled.Contains(entry.Position.Offset) || _outstanding.ContainsKey(entry.Position.Offset))
        {
            Advance();
            return null;
        }

        var one = new Outstanding(entry) { IsClaim = true };
        _outstanding.Add(entry.Position.Offset, one);
        return Give(one, to, leaseEnd, node, entry);
    }

    /// <summary>The message that a socket has claimed by an attempt; else why that is none. Null in both: there it is.</summary>
    public (int Code, string Name)? Find(Position position, int attempt, string by, out Outstanding one)
    {
        if (!_outstanding.TryGetValue(position.Offset, out one!) || one.Position != position)
        {
            return position.Offset <= Cursor.Offset || _settled.Contains(position.Offset) ? Errors.Taken : Errors.PlaceGone;
        }

        return one.Holder == by && one.Attempt == attempt ? null : Errors.StaleAttempt;
    }

    /// <summary>The places beyond the cursor that are settled, as runs: from, to, from, to …; with the last of them.</summary>
    public (long[] Runs, Position Last)? SettledBeyond()
    {
        if (_settled.Count == 0)
        {
            return null;
        }

        var runs = new List<long>();
        foreach (var offset in _settled.Order())
        {
            if (runs.Count > 0 && runs[^1] == offset - 1)
            {
                runs[^1] = offset;
            }
            else
            {
                runs.AddRange([offset, offset]);
            }
        }

        return (runs.ToArray(), _lastSettled!);
    }

    /// <summary>What the process before this one knew as settled.</summary>
    public void RestoreSettled(long[] runs, Position last)
    {
        for (var i = 0; i + 1 < runs.Length; i += 2)
        {
            for (var offset = Math.Max(runs[i], Cursor.Offset + 1); offset <= runs[i + 1]; offset++)
            {
                _settled.Add(offset);
            }
        }

        _lastSettled = last.Offset > (_lastSettled?.Offset ?? 0) ? last : _lastSettled;
    }

    private static Deal Give(Outstanding one, InboxReading to, DateTimeOffset leaseEnd, string? node, LogEntry? entry)
    {
        (one.Holder, one.Node, one.IsWaiting, one.Due) = (to.SocketId, node, false, leaseEnd);
        one.OfferedTo.Add(to.SocketId);
        return new Deal(to, one, one.Attempt, entry);
    }

    /// <summary>Who has the most hands free.</summary>
    private InboxReading? FreeHand()
    {
        var best = Readings.Where(r => r.IsClaim && !r.Subscription.IsClosed).MaxBy(r => r.Hands - HeldBy(r));
        return best is not null && best.Hands > HeldBy(best) ? best : null;
    }

    private int HeldBy(InboxReading reading) => _outstanding.Values.Count(o => o.Holder == reading.SocketId);

    /// <summary>From being offered to all to being claimed, or back: what was offered before is offered anew.</summary>
    private void TurnTo(bool isClaim)
    {
        foreach (var one in _outstanding.Values.Where(o => o.IsClaim != isClaim))
        {
            one.Free(default);
            (one.IsClaim, one.IsLeft) = (isClaim, !isClaim);
        }

        Recount();
    }
}

/// <summary>A message that goes to one socket: with the entry, where it has been read already.</summary>
internal readonly record struct Deal(InboxReading To, Outstanding One, int Attempt, LogEntry? Entry);
