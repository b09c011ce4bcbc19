namespace Duplexity.Server.Inboxes;

/// <summary>How something is decided about an inbox, once for all nodes that have it.</summary>
internal sealed partial class Inbox
{
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

    /// <summary>Something that is decided about a reader, once for all nodes.</summary>
    private sealed record Decision(string Reader, Action<InboxReader> Decide, Action? Then)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
