namespace Duplexity.Server.Inboxes;

/// <summary>How this node's copy of an inbox follows what the others have written.</summary>
internal sealed partial class Inbox
{
    /// <summary>How old what is known may be where somebody is refused by it.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(1);

    private string? _written;
    private DateTimeOffset _looked = time.GetUtcNow();
    private bool _isLooking;

    /// <summary>Whether other nodes have it too.</summary>
    public bool IsShared => engine.Lease is not null;

    /// <summary>Follows what others have written.</summary>
    public async ValueTask LookAsync()
    {
        if (!IsShared)
        {
            return;
        }

        await _turn.WaitAsync();
        try
        {
            News news;
            var written = await engine.Records.ReadAsync(ReaderRecord.Kind, Client);
            lock (_lock)
            {
                _looked = time.GetUtcNow();
                if (!_isLoaded || written == _written)
                {
                    return;
                }

                news = AdoptUnsynchronized(written);
            }

            Spread(news);
        }
        finally
        {
            _turn.Release();
        }

        DealAll();
    }

    /// <summary>Others may have written something. Does not block.</summary>
    public void Hinted()
    {
        lock (_lock)
        {
            if (_isLooking || !_isLoaded)
            {
                return;
            }

            _isLooking = true;
        }

        _ = Task.Run(TryLookAsync);
    }

    /// <summary>Somebody is refused by what this node knows: another one may know better, and hints are lost at times.</summary>
    private void LookAgainUnsynchronized(DateTimeOffset now)
    {
        if (IsShared && !_isLooking && now - _looked > Stale)
        {
            _isLooking = true;
            _ = Task.Run(TryLookAsync);
        }
    }

    private async Task TryLookAsync()
    {
        lock (_lock)
        {
            (_isLooking, _looked) = (false, time.GetUtcNow());
        }

        try
        {
            await LookAsync();
        }
        catch (DuplexityException)
        {
            // The engine is away, which it says itself; it is looked at again.
        }
        catch (Exception e)
        {
            host.Failed(this, e);
        }
    }

    private News AdoptUnsynchronized(string? written) => AdoptUnsynchronized(written, written, null);

    private News AdoptUnsynchronized(string? written, string? decided, Dictionary<string, InboxReader>? drafts)
    {
        var (news, isAhead) = (News.None, false);
        var terms = new Terms(engine.Node, time.GetUtcNow(), options.Times.InboxClaim, options.Times.InboxAgain);
        _written = written;
        foreach (var (name, record) in ReaderRecord.Read(decided))
        {
            if (!_readers.TryGetValue(name, out var reader))
            {
                _readers.Add(name, reader = new InboxReader(name, Position.Parse(record.Place)) { Restarts = record.Restarts });
            }

            reader.Adopt(record, terms, drafts?.GetValueOrDefault(name));
            isAhead |= reader.IsAheadOf(record);
            if (reader.Cursor.Offset > _unread.Start.Offset)
            {
                _unread.Advance(reader.Cursor);
            }

            news = news.And(NewsUnsynchronized(reader));
        }

        if (isAhead)
        {
            host.Changed(this);
        }

        FreeRoomUnsynchronized();
        ArmUnsynchronized();
        return news;
    }

    /// <summary>When to look without a hint: somebody acknowledges by hand or claims, who waits for what others do.</summary>
    private DateTimeOffset? NextLookUnsynchronized() => IsShared && _readers.Values.Any(r => r.HasManual || r.IsClaimed) ? _looked + options.Times.InboxAgain : null;

    /// <summary>Which of the other nodes at which somebody reads are gone.</summary>
    private async ValueTask<string[]> GoneAsync(InboxReader reader)
    {
        string[] nodes;
        lock (_lock)
        {
            nodes = [.. reader.Elsewhere.Keys];
        }

        return await GoneAsync(nodes);
    }

    private async ValueTask<string[]> GoneAsync(IEnumerable<string> nodes)
    {
        var gone = new List<string>();
        foreach (var node in nodes)
        {
            if (await engine.IsGoneAsync(node))
            {
                gone.Add(node);
            }
        }

        return [.. gone];
    }

    /// <summary>What other nodes have is looked after: what a node had that is gone is nobody's, a lease after this one has seen it.</summary>
    private async Task LookAfterAsync(InboxReader reader, Outstanding[] elsewhere)
    {
        var gone = await GoneAsync(elsewhere.Select(o => o.Node).OfType<string>().Distinct());
        var orphans = new List<Outstanding>();
        lock (_lock)
        {
            var now = time.GetUtcNow();
            foreach (var one in elsewhere.Where(o => o.Due <= now))
            {
                var isGone = gone.Contains(one.Node);
                if (isGone && one.IsOrphan)
                {
                    orphans.Add(one);
                }

                // Where nobody is who would take it, nobody looks before somebody comes.
                one.Due = isGone ? now + options.Times.InboxClaim : reader.Readings.Count > 0 ? now + options.Times.InboxAgain : DateTimeOffset.MaxValue;
                one.IsOrphan = isGone;
            }
        }

        if (orphans.Count > 0)
        {
            await DecideAsync(reader, r => r.FreeOrphans(orphans, gone, time.GetUtcNow()));
        }
    }
}
