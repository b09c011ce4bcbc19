using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What is kept of queues, for all nodes: which there are, how far each has come, and the requests, sealed, in the log. Thread-safe.</summary>
internal sealed class QueueStore(IEngine engine, ISealing sealing, QueueUse use, QueuelessNames queueless, TimeProvider time, IOptions<DuplexityOptions> options)
{
    private const string Kind = QueueUse.QueueKind;
    private const string StateKind = "pipe-queue-state";

    /// <summary>With a name behind it: the queues of names below that one. A kind of its own each, so that who wants a name reads a few records and not all queues.</summary>
    private const string BelowKind = "pipe-queue-below:";
    private const string Purpose = "queued-request";

    private readonly QueueOptions _options = options.Value.Queue;

    /// <summary>The queue of a name; null: there is none.</summary>
    public async ValueTask<QueueRecord?> FindAsync(string name, CancellationToken ct) => Read(await engine.Records.ReadAsync(Kind, name, ct));

    /// <summary>The same for each visitor of a wildcard, without a look into the records each.</summary>
    public ValueTask<QueueRecord?> FindUnderWildcardAsync(string name, CancellationToken ct) => queueless.FindAsync(name, FindAsync, ct);

    /// <summary>The queues of other clients at a name, or at one above or below it, as its tree says (G7).</summary>
    public async ValueTask<IReadOnlyList<QueueRecord>> OthersAsync(string client, string tree, CancellationToken ct)
    {
        var names = tree.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var below = names.Length == 0 ? [] : await engine.Records.ListAsync(BelowKind + names[0], ct);
        var others = new List<QueueRecord>();
        foreach (var name in names.Concat(below.Select(r => r.Key)))
        {
            // What stands below may have gone in this moment.
            if (await FindAsync(name, ct) is { } queue && queue.Owner != client)
            {
                others.Add(queue);
            }
        }

        return others;
    }

    /// <summary>All queues of a client, by name.</summary>
    public async ValueTask<IReadOnlyList<QueueRecord>> ListAsync(string owner, CancellationToken ct) =>
        [.. (await engine.Records.ListAsync(Kind, ct)).Select(r => Read(r.Value)!).Where(q => q.Owner == owner)];

    /// <summary>Writes down that the name of a registration keeps requests, or goes on to; a queue of another owner is over with that, whatever it keeps.</summary>
    /// <param name="pipe">The registration.</param>
    /// <param name="isHandedOver">Whether the name's visitors are a former owner's for a while: a new queue keeps nothing until then.</param>
    /// <param name="ct">Gives up.</param>
    public async ValueTask<QueueRecord> PutAsync(PipeEntry pipe, bool isHandedOver, CancellationToken ct)
    {
        while (true)
        {
            // Who replays the queue may end it in this moment: then this is a new one.
            var before = await FindAsync(pipe.Name, ct);
            if (before is not null && before.Owner != pipe.Client)
            {
                await RemoveAsync(before, ct);
                continue;
            }

            var now = time.GetUtcNow();
            var id = before?.Id ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
            var from = before?.From ?? (isHandedOver ? now + options.Value.Times.HandOver : now);
            if (await TryWriteAsync(before, new() { Id = id, Pipe = pipe with { Node = "", Session = "" }, Until = now + _options.Name, From = from }, ct) is { } written)
            {
                return written;
            }
        }
    }

    /// <summary>The name stays its owner's for its whole time from now on. Unless the queue has changed meanwhile: then nothing happens.</summary>
    public async ValueTask ExtendAsync(QueueRecord queue, CancellationToken ct) => await TryWriteAsync(queue, queue with { Until = time.GetUtcNow() + _options.Name }, ct);

    /// <summary>Nothing is kept any more; what waits stays. Null, and nothing happens, where the queue has changed meanwhile.</summary>
    public ValueTask<QueueRecord?> TryCloseAsync(QueueRecord queue, CancellationToken ct) =>
        TryWriteAsync(queue, queue with { Pipe = queue.Pipe with { Settings = queue.Pipe.Settings with { Offline = null } }, Until = time.GetUtcNow() + _options.Name }, ct);

    /// <summary>Whether half of the time is over for which a name stays its owner's.</summary>
    public bool IsHalfOver(QueueRecord queue) => queue.Until - time.GetUtcNow() < _options.Name / 2;

    /// <summary>Whether a name's visitors are still a former owner's.</summary>
    public bool IsHandedOver(QueueRecord queue) => time.GetUtcNow() < queue.From;

    /// <summary>
    /// Lets a name go, with all that is kept for it. False, and nothing happens, where the queue is not as it was read any more: whoever found it empty would take away what has been registered since.
    /// </summary>
    public async ValueTask<bool> RemoveAsync(QueueRecord queue, CancellationToken ct)
    {
        // First the name: from here on nothing is kept any more, and a new queue of it is another one.
        if (!await engine.Records.TryTakeAsync(Kind, queue.Pipe.Name, queue.Written, ct))
        {
            return false;
        }

        foreach (var above in Above(queue.Pipe))
        {
            // Unless it is a new queue's by now.
            await engine.Records.TryTakeAsync(BelowKind + above, queue.Pipe.Name, queue.Id, ct);
        }

        await engine.Log.RemoveAsync(queue.Channel, ct);
        await engine.Records.TakeAsync(StateKind, queue.Id, ct);
        await use.ClearAsync(queue.Owner, queue.Id, ct);
        return true;
    }

    /// <summary>How far a queue has come.</summary>
    public async ValueTask<QueueState> StateAsync(QueueRecord queue, CancellationToken ct) => (await ReadStateAsync(queue, ct)).State;

    /// <summary>Changes how far a queue has come, in one step; null where <paramref name="change"/> says that there is nothing to change (any more).</summary>
    public async ValueTask<QueueState?> ChangeAsync(QueueRecord queue, Func<QueueState, QueueState?> change, CancellationToken ct)
    {
        while (true)
        {
            var (state, text) = await ReadStateAsync(queue, ct);
            if (change(state) is not { } changed)
            {
                return null;
            }

            // It may outlive the queue's last request and then the name, not for ever.
            var end = time.GetUtcNow() + _options.Keep + _options.Name;
            var written = JsonSerializer.Serialize(changed);
            if (text is null ? await engine.Records.TryAddAsync(StateKind, queue.Id, written, end, ct) : await engine.Records.TryReplaceAsync(StateKind, queue.Id, text, written, end, ct))
            {
                return changed;
            }
        }
    }

    /// <summary>Whether requests wait that came before now.</summary>
    public async ValueTask<bool> AnyWaitsAsync(QueueRecord queue, CancellationToken ct)
    {
        var state = await StateAsync(queue, ct);
        return state.Place != await engine.Log.TopAsync(queue.Channel, ct) && await NextAsync(queue, state, ct) is not null;
    }

    /// <summary>Whether requests were given up that their owner can still replay, as of a state: the log lets the oldest go first.</summary>
    public async ValueTask<bool> HasDeadAsync(QueueRecord queue, QueueState state, CancellationToken ct) => state.Dead is [.., var newest] && await FindDeadAsync(queue, newest, ct) is not null;

    /// <summary>Whether anything is kept: requests that wait, or were given up.</summary>
    public async ValueTask<bool> KeepsAnyAsync(QueueRecord queue, CancellationToken ct)
    {
        // The state is read first: what is put back into its queue waits before it is taken from those that were given up.
        var state = await StateAsync(queue, ct);
        return await HasDeadAsync(queue, state, ct) || await NextAsync(queue, state, ct) is not null;
    }

    /// <summary>The request that is to be replayed next; null: none waits.</summary>
    public async ValueTask<LogEntry?> NextAsync(QueueRecord queue, QueueState state, CancellationToken ct) => (await ReadAsync(queue, state, null, 1, ct)).FirstOrDefault();

    /// <summary>Requests that wait, behind a place or the first ones, the oldest first; a page of the log at most.</summary>
    public async ValueTask<IReadOnlyList<LogEntry>> ReadAsync(QueueRecord queue, QueueState state, Position? behind, int limit, CancellationToken ct)
    {
        var page = await engine.Log.ReadAsync(queue.Channel, behind ?? state.Place, limit, reverse: false, ct);
        if (page.Recovered)
        {
            return page.Entries;
        }

        // Requests were let go unanswered, for age or size, or the log has lost its tail: what was settled is told by its time.
        for (Position? since = null; ;)
        {
            page = await engine.Log.ReadAsync(queue.Channel, since, limit, reverse: false, ct);
            if (page.Entries.Where(e => !state.HasSettled(e)).ToArray() is { Length: > 0 } left)
            {
                return left;
            }

            if (page.End || page.Entries.Count == 0)
            {
                return [];
            }

            since = page.Entries[^1].Position;
        }
    }

    /// <summary>One that was given up; null: the log has let it go.</summary>
    public async ValueTask<LogEntry?> FindDeadAsync(QueueRecord queue, DeadRequest dead, CancellationToken ct) =>
        await engine.Log.ReadAsync(queue.Channel, dead.Before == Position.Start ? null : dead.Before, 1, reverse: false, ct) is { Recovered: true, Entries: [var entry] } && Open(entry) is { } kept && kept.Id == dead.Id ? entry : null;

    /// <summary>Opens a request; null: its key is gone.</summary>
    public KeptRequest? Open(LogEntry entry) => entry.Message.Bytes is { } bytes && sealing.Open(Purpose, bytes) is { } plain ? StoredBytes.Read<KeptRequest>(plain) : null;

    /// <summary>
    /// Whether a queue still keeps requests. To be asked behind <see cref="AppendAsync"/> before a visitor is told that his is kept: whoever removes a queue that keeps no more has read that first, and then that nothing
    /// waits; so either he sees the request, or this says false.
    /// </summary>
    public async ValueTask<bool> IsKeepingAsync(QueueRecord queue, CancellationToken ct) => await FindAsync(queue.Pipe.Name, ct) is { IsKeeping: true } now && now.Id == queue.Id;

    /// <summary>Throws away what was appended to a queue that was removed meanwhile: nobody would find it again. One that is there, whatever it keeps, stays as it is.</summary>
    public async ValueTask SweepAsync(QueueRecord queue, CancellationToken ct)
    {
        if ((await FindAsync(queue.Pipe.Name, ct))?.Id != queue.Id)
        {
            await engine.Log.RemoveAsync(queue.Channel, ct);
            await use.ClearAsync(queue.Owner, queue.Id, ct);
        }
    }

    /// <summary>Keeps a request at the end of a queue. Null: it is kept; else why not.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="request">The request.</param>
    /// <param name="key">Under this key it is kept once; null: each time.</param>
    /// <param name="ct">Gives up before it is stored.</param>
    public async ValueTask<QueueFull?> AppendAsync(QueueRecord queue, KeptRequest request, string? key, CancellationToken ct)
    {
        var bytes = sealing.Seal(Purpose, StoredBytes.Of(request));
        if (await use.TakeAsync(queue.Owner, queue.Id, bytes.Length, ct) is { } full)
        {
            return full;
        }

        var isStored = false;
        try
        {
            var message = new StoredMessage
            {
                Id = key is null ? request.Id : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
                FromClient = queue.Owner,
                SentAt = time.GetUtcNow(),
                Bytes = bytes,
                Destinations = [queue.Channel],
            };
            var result = await engine.Log.AppendAsync(
                new AppendRequest(message, key is null ? null : new IdempotencyKey(queue.Owner, null, 0, key, key)) { ChargedTo = queue.Owner }, CancellationToken.None);
            isStored = result.Outcome == AppendOutcome.Stored;
            return null;
        }
        finally
        {
            if (!isStored)
            {
                await use.ReleaseAsync(queue.Owner, queue.Id, bytes.Length, CancellationToken.None);
            }
        }
    }

    private static IEnumerable<string> Above(PipeEntry pipe) => pipe.Tree.Split(' ').Skip(1);

    private async ValueTask<(QueueState State, string? Text)> ReadStateAsync(QueueRecord queue, CancellationToken ct)
    {
        var text = await engine.Records.ReadAsync(StateKind, queue.Id, ct);
        return (text is null ? new QueueState() : JsonSerializer.Deserialize<QueueState>(text)!, text);
    }

    private static QueueRecord? Read(string? text) => text is null ? null : JsonSerializer.Deserialize<QueueRecord>(text)! with { Written = text };

    /// <summary>Writes a queue down in the place of what was read; null: there is something else by now.</summary>
    private async ValueTask<QueueRecord?> TryWriteAsync(QueueRecord? before, QueueRecord queue, CancellationToken ct)
    {
        foreach (var above in Above(queue.Pipe))
        {
            // First: no queue is without them. Whoever writes what he read long ago leaves those of a newer queue alone.
            if (before is null)
            {
                await engine.Records.PutAsync(BelowKind + above, queue.Pipe.Name, queue.Id, queue.Until, ct);
            }
            else if (!await engine.Records.TryReplaceAsync(BelowKind + above, queue.Pipe.Name, queue.Id, queue.Id, queue.Until, ct))
            {
                await engine.Records.TryAddAsync(BelowKind + above, queue.Pipe.Name, queue.Id, queue.Until, ct);
            }
        }

        var written = queue with { Written = JsonSerializer.Serialize(queue) };
        var isWritten = before is null
            ? await engine.Records.TryAddAsync(Kind, queue.Pipe.Name, written.Written, queue.Until, ct)
            : await engine.Records.TryReplaceAsync(Kind, queue.Pipe.Name, before.Written, written.Written, queue.Until, ct);
        if (isWritten && before is null)
        {
            queueless.Forget();
        }

        return isWritten ? written : null;
    }
}
