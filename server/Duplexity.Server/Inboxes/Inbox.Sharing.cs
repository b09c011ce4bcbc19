
namespace Duplexity.Server.Inboxes;

/// <summary>
/// One inbox for several nodes: what one of them alone may decide is decided in the record that they share, by comparing and replacing it, and memory follows. Those who lose look at what the winner has written and decide again. What waits
/// meanwhile is one step. A node that is alone decides in memory.
/// </summary>
internal sealed partial class Inbox
{
    /// <summary>How old what is known may be where somebody is refused by it.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly List<Decision> _decisions = [];
    private string? _written;
    private DateTimeOffset _looked = time.GetUtcNow();
    private bool _isLooking;

    /// <summary>For as long as the log may hold anything that is acknowledged.</summary>
    private DateTimeOffset Expiry => time.GetUtcNow() + (2 * options.Times.Retention);

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

    /// <summary>Writes its readers' places as this node knows them; one in turn.</summary>
    public async Task KeepAsync()
    {
        if (IsShared)
        {
            await DecideTogetherAsync(null);
            return;
        }

        string record;
        lock (_lock)
        {
            record = ReaderRecord.Write(_readers.Values.ToDictionary(r => r.Name, r => ReaderRecord.Of(r)));
        }

        await engine.Records.PutAsync(ReaderRecord.Kind, Client, record, Expiry);
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

    /// <summary>Decides something about a reader, once for all nodes; <paramref name="then"/> is done here when it counts. Both are called under the lock.</summary>
    private async ValueTask<T> DecideAsync<T>(InboxReader reader, Func<InboxReader, T> decide, Action? then = null)
    {
        var result = default(T)!;
        if (IsShared)
        {
            await DecideTogetherAsync(new Decision(reader.Name, r => result = decide(r), then));
            return result;
        }

        News news;
        lock (_lock)
        {
            var before = reader.Cursor;
            result = decide(reader);
            then?.Invoke();
            news = NewsUnsynchronized(reader);
            if (reader.Cursor != before || news.IsOver)
            {
                MovedUnsynchronized(reader);
            }
        }

        Spread(news);
        return result;
    }

    private async Task DecideTogetherAsync(Decision? decision)
    {
        if (decision is not null)
        {
            lock (_lock)
            {
                _decisions.Add(decision);
            }
        }

        await _turn.WaitAsync();
        Decision[] all = [];
        try
        {
            lock (_lock)
            {
                all = [.. _decisions];
                _decisions.Clear();
            }

            if (all.Length > 0 || decision is null)
            {
                await WriteAsync(all);
                Array.ForEach(all, d => d.Done.SetResult());
            }
        }
        catch (Exception e)
        {
            Array.ForEach(all, d => d.Done.SetException(e));
            if (decision is null)
            {
                throw;
            }
        }
        finally
        {
            _turn.Release();
        }

        if (decision is not null)
        {
            await decision.Done.Task;
        }
    }

    private async Task WriteAsync(Decision[] decisions)
    {
        await LoadedAsync();
        while (true)
        {
            if (engine.Lease is { IsOver: true })
            {
                throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "This node has not reached its engine for longer than its lease; nothing was done, try again in a moment."));
            }

            Dictionary<string, InboxReader> drafts;
            string? before;
            string after;
            News news;
            lock (_lock)
            {
                before = _written;
                drafts = DraftsUnsynchronized();
                foreach (var decision in decisions)
                {
                    decision.Decide(drafts.TryGetValue(decision.Reader, out var draft) ? draft : drafts[decision.Reader] = new InboxReader(decision.Reader, _unread.Start));
                }

                after = ReaderRecord.Write(new SortedDictionary<string, ReaderRecord>(drafts.ToDictionary(d => d.Key, d => d.Value.Written(engine.Node)), StringComparer.Ordinal));
            }

            var isNews = after != before && !(before is null && host.IsOut(Client));
            if (isNews && !await TryWriteAsync(before, after))
            {
                var written = await engine.Records.ReadAsync(ReaderRecord.Kind, Client);
                lock (_lock)
                {
                    news = AdoptUnsynchronized(written);
                }

                Spread(news);
                continue;
            }

            lock (_lock)
            {
                news = AdoptUnsynchronized(isNews ? after : before, after, drafts);
                Array.ForEach(decisions, d => d.Then?.Invoke());
                ArmUnsynchronized();
            }

            Spread(news);
            if (isNews)
            {
                _ = HintAsync();
            }

            return;
        }
    }

    private Dictionary<string, InboxReader> DraftsUnsynchronized() => _readers.Values.ToDictionary(r => r.Name, r => r.Draft(), StringComparer.Ordinal);

    private async ValueTask<bool> TryWriteAsync(string? before, string after)
    {
        return before is null
            ? await engine.Records.TryAddAsync(ReaderRecord.Kind, Client, after, Expiry)
            : await engine.Records.TryReplaceAsync(ReaderRecord.Kind, Client, before, after, Expiry);
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

    private async Task TryKeepAsync()
    {
        try
        {
            await KeepAsync();
        }
        catch (DuplexityException)
        {
            // It is still among what is to be written.
        }
        catch (Exception e)
        {
            host.Failed(this, e);
        }
    }

    /// <summary>When to look without a hint: somebody acknowledges by hand or claims, who waits for what others do.</summary>
    private DateTimeOffset? NextLookUnsynchronized() => IsShared && _readers.Values.Any(r => r.HasManual || r.IsClaimed) ? _looked + options.Times.InboxAgain : null;

    private async Task HintAsync()
    {
        try
        {
            await engine.Log.HintAsync(Address);
        }
        catch (DuplexityException)
        {
            // Others look by themselves, later.
        }
    }

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

    /// <summary>Something that is decided about a reader, once for all nodes.</summary>
    private sealed record Decision(string Reader, Action<InboxReader> Decide, Action? Then)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
