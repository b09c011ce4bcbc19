using Duplexity.Protocol;

namespace Duplexity.Server.Inboxes;

/// <content>One reader for several nodes: each has a copy, which follows the record that they share. What is acknowledged only grows, so copies agree in whatever order they are told; what one alone may decide is decided on a draft.</content>
internal sealed partial class InboxReader
{
    /// <summary>The other nodes at which sockets read as this reader, and whether they claim.</summary>
    public SortedDictionary<string, bool> Elsewhere { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>A copy, to decide on before it is known whether that counts.</summary>
    public InboxReader Draft()
    {
        var draft = new InboxReader(name, Cursor)
        {
            Readings = [.. Readings],
            Restarts = Restarts,
            Used = Used,
            WasLost = WasLost,
            Elsewhere = Elsewhere,
            _passed = _passed,
            _lastSettled = _lastSettled,
            _left = _left,
        };
        draft._settled.UnionWith(_settled);
        foreach (var (offset, one) in _outstanding)
        {
            draft._outstanding.Add(offset, one.Clone());
        }

        return draft;
    }

    /// <summary>What the nodes share of it, as this one writes it.</summary>
    public ReaderRecord Written(string node)
    {
        var readAt = new SortedDictionary<string, bool>(Elsewhere, StringComparer.Ordinal);
        if (Readings.Count > 0)
        {
            readAt[node] = IsClaimed;
        }

        return ReaderRecord.Of(this) with
        {
            Outstanding = _outstanding.Count == 0 ? null : [.. _outstanding.Values.Select(o => o.Written())],
            ReadAt = readAt.Count == 0 ? null : readAt,
        };
    }

    /// <summary>Follows what is written. What this node has decided in that, on <paramref name="draft"/>, it knows more of: who did it, and how far it has dealt.</summary>
    public void Adopt(ReaderRecord written, Terms terms, InboxReader? draft = null)
    {
        Elsewhere = new(written.ReadAt ?? [], StringComparer.Ordinal);
        Elsewhere.Remove(terms.Node);
        Used = DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(Used.ToUnixTimeMilliseconds(), written.Used));
        if (written.Restarts < Restarts)
        {
            return;
        }

        var place = Position.Parse(written.Place);
        if (written.Restarts > Restarts)
        {
            Restart(place);
            Restarts = written.Restarts;
        }

        var said = draft?._over.ToLookup(o => o.One.Position.Offset);
        foreach (var one in _outstanding.Values.TakeWhile(o => o.Position.Offset <= place.Offset).ToArray())
        {
            DropAs(one, said);
        }

        AcknowledgeThrough(place, null);
        if (written is { Settled: { } runs, LastSettled: { } last })
        {
            RestoreSettled(runs, Position.Parse(last));
            foreach (var one in _outstanding.Values.Where(o => _settled.Contains(o.Position.Offset)).ToArray())
            {
                DropAs(one, said);
            }
        }

        _passed = draft is not null && draft._passed.Offset > _passed.Offset ? draft._passed : _passed;
        foreach (var one in written.Outstanding ?? [])
        {
            AdoptOne(one, terms, said);
        }

        Recount();
        Advance();
    }

    /// <summary>Whether it knows of more that is acknowledged than is written.</summary>
    public bool IsAheadOf(ReaderRecord written) => written.Restarts <= Restarts && Cursor.Offset > Position.Parse(written.Place).Offset;

    /// <summary>Nodes are gone: nobody reads there.</summary>
    public void Forget(IEnumerable<string> nodes)
    {
        Elsewhere = new(Elsewhere, StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            Elsewhere.Remove(node);
        }
    }

    /// <summary>Acknowledges a message by hand that this node does not know as offered: others offer what their sockets read without writing that down.</summary>
    public (int Code, string Name)? AcknowledgeOffered(Position position, int? attempt, string? by)
    {
        var refused = Acknowledge(position, attempt, by);
        if (refused != Errors.PlaceGone || attempt > 1 || !Elsewhere.ContainsValue(false))
        {
            return refused;
        }

        SettleUnoffered(position);
        return null;
    }

    /// <summary>What was given back and has waited for long enough waits for somebody who is free.</summary>
    public void Ripen(DateTimeOffset now, int most)
    {
        foreach (var one in _outstanding.Values.Where(o => o is { IsClaim: true, Holder: null, IsWaiting: false } && o.Due <= now && o.Attempt < most))
        {
            one.IsWaiting = true;
        }
    }

    /// <summary>Whether something of what this node decides about is due.</summary>
    public bool HasDue(DateTimeOffset now, string node) => _outstanding.Values.Any(o => IsDue(o, now) && !IsElsewhere(o, node));

    /// <summary>What another node decides about, and it is time to see whether that one is there.</summary>
    public Outstanding[] DueElsewhere(DateTimeOffset now, string node) => [.. _outstanding.Values.Where(o => IsDue(o, now) && IsElsewhere(o, node))];

    /// <summary>What is due now is due later.</summary>
    public void Postpone(DateTimeOffset now, DateTimeOffset until)
    {
        foreach (var one in _outstanding.Values.Where(o => IsDue(o, now)))
        {
            one.Due = until;
        }
    }

    /// <summary>What gone nodes had is nobody's, unless somebody has taken it meanwhile.</summary>
    public bool FreeOrphans(IEnumerable<Outstanding> orphans, IReadOnlyCollection<string> gone, DateTimeOffset now)
    {
        foreach (var orphan in orphans)
        {
            if (_outstanding.TryGetValue(orphan.Position.Offset, out var one) && one.Attempt == orphan.Attempt && one.Node is { } node && gone.Contains(node))
            {
                one.Free(now);
            }
        }

        return true;
    }

    private static bool IsElsewhere(Outstanding one, string node) => one.Node is { } its && its != node;

    /// <summary>It is over with a message, as this node has decided or another one: that one says only by what it did before whether it gave it up.</summary>
    private void DropAs(Outstanding one, ILookup<long, Over>? said)
    {
        var known = said?[one.Position.Offset].Cast<Over?>().LastOrDefault();
        Drop(one, known?.By, known?.Reason ?? (one.Holder is "" ? WithdrawnReason.DeadLetter : WithdrawnReason.Taken));
    }

    private void AdoptOne(OutstandingRecord written, Terms terms, ILookup<long, Over>? said)
    {
        var (place, due) = (Position.Parse(written.Place), DateTimeOffset.FromUnixTimeMilliseconds(written.Due));
        if (place.Offset <= Cursor.Offset || _settled.Contains(place.Offset))
        {
            return;
        }

        if (!_outstanding.TryGetValue(place.Offset, out var one))
        {
            _outstanding.Add(place.Offset, one = new Outstanding(written.Id, place, Position.Parse(written.Before))
            {
                Attempt = written.Attempt,
                IsClaim = written.IsClaim,
                IsLeft = !written.IsClaim && Readings.Count == 0 && Elsewhere.Count == 0,
                Due = due,
            });
        }
        else if (written.Attempt < one.Attempt)
        {
            // Offered anew to a socket that came, which is not written yet.
            return;
        }

        if (written.IsClaim != one.IsClaim)
        {
            one.Free(due);
            (one.IsClaim, one.IsLeft) = (written.IsClaim, !written.IsClaim);
        }

        if (one.IsClaim && (written.Attempt > one.Attempt || said?[place.Offset].Any() == true))
        {
            // Its lease was over; here, or for others who have taken this node for gone.
            _over.Add(new(one, one.Attempt, one.OfferedTo, null, WithdrawnReason.Expired));
            one.Free(due);
        }
        else if (written.Attempt > one.Attempt)
        {
            (one.Attempt, one.IsLeft) = (written.Attempt, false);
            if (HasManual)
            {
                _anew.Add(one);
            }
        }

        one.Attempt = written.Attempt;
        Hold(one, written, due, terms);
    }

    private static void Hold(Outstanding one, OutstandingRecord written, DateTimeOffset due, Terms terms)
    {
        if (one.Holder == written.Holder && one.Node == written.Node)
        {
            one.Due = one.Node is null ? due : one.Due;
            return;
        }

        if (written.Holder is null || (one.IsClaim && written.Holder.Length > 0))
        {
            one.Free(due);
        }

        (one.Holder, one.Node, one.IsOrphan, one.IsWaiting) = (written.Holder, written.Node, false, false);
        if (written.Node == terms.Node)
        {
            one.Due = terms.Now + terms.Lease;
            if (written.Holder is { Length: > 0 } socket)
            {
                one.OfferedTo.Add(socket);
            }
        }
        else if (written.Node is not null)
        {
            one.Due = terms.Now + terms.Look;
        }
    }
}

/// <summary>What a node goes by that follows what is written.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Now">The time.</param>
/// <param name="Lease">How long a claim is its socket's.</param>
/// <param name="Look">How long another node is taken for being there before it is looked for.</param>
internal readonly record struct Terms(string Node, DateTimeOffset Now, TimeSpan Lease, TimeSpan Look);
