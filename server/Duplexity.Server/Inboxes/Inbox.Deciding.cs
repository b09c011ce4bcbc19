using Duplexity.Protocol;
using Duplexity.Server.Channels;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// How something is decided. A node that is alone does it in memory. Several do it in the record that they share, by comparing and replacing it, and memory follows: those who lose look at what the winner has written and decide again. What
/// waits meanwhile is one step.
/// </summary>
internal sealed partial class Inbox
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly List<Decision> _decisions = [];

    /// <summary>For as long as the log may hold anything that is acknowledged.</summary>
    private DateTimeOffset Expiry => time.GetUtcNow() + (2 * options.Times.Retention);

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

    /// <summary>What of a reader's changes its sockets must know of.</summary>
    private News NewsUnsynchronized(InboxReader reader)
    {
        var (over, anew) = (reader.TakeOver(), reader.TakeAnew());
        if (over.Length == 0 && anew.Length == 0)
        {
            return News.None;
        }

        // Those who have a message in hand that is none of theirs any more.
        var withdrawals = over.SelectMany(o => reader.Readings.Where(r => r.SocketId != o.By && o.OfferedTo.Contains(r.SocketId)).Select(r =>
            new Withdrawal(r.Subscription.Subscriber, new WithdrawnEvent { Channel = Address.ToString(), Position = o.One.Position, MessageId = o.One.MessageId, Attempt = o.Attempt, Reason = o.Reason })));
        Subscription[] to = anew.Length == 0 ? [] : [.. reader.Readings.Where(r => r.IsManual).Select(r => r.Subscription)];
        Array.ForEach(anew, one => one.OfferedTo.UnionWith(to.Select(s => s.Subscriber.SocketId)));
        return new News(over.Length > 0, [.. withdrawals], [.. anew.Select(one => new Anew(reader, one, one.Attempt, to))]);
    }

    /// <summary>Tells the sockets; outside of the lock, for it may write.</summary>
    private void Spread(News news)
    {
        foreach (var (to, withdrawn) in news.Withdrawals)
        {
            to.Tell(withdrawn);
        }

        if (news.Anew.Length > 0)
        {
            _ = OfferAnewAsync(news.Anew);
        }
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

    /// <summary>Something that is decided about a reader, once for all nodes.</summary>
    private sealed record Decision(string Reader, Action<InboxReader> Decide, Action? Then)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private readonly record struct Withdrawal(ISubscriber To, WithdrawnEvent Event);

    private readonly record struct Anew(InboxReader Reader, Outstanding One, int Attempt, Subscription[] To);

    private sealed record News(bool IsOver, Withdrawal[] Withdrawals, Anew[] Anew)
    {
        public static readonly News None = new(false, [], []);

        public News And(News other) => this == None ? other : other == None ? this : new(IsOver || other.IsOver, [.. Withdrawals, .. other.Withdrawals], [.. Anew, .. other.Anew]);
    }
}
