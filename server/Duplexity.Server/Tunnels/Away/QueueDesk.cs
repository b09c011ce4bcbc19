using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What registrations and their owners do about queues. Thread-safe.</summary>
internal sealed class QueueDesk(QueueStore store, QueueUse use, QueueRunners runners, QueueBell bell, BackendRegistry backend, PipeUrl url, IOptions<DuplexityOptions> options, ILogger<QueueDesk> logger) : IBelongings
{
    /// <summary>Ids that may be thrown away while they wait, of one queue.</summary>
    private const int MostDiscarded = 1_000;

    /// <summary>The largest page of kept requests.</summary>
    private const int MostOfPage = 1_000;

    private readonly QueueOptions _options = options.Value.Queue;

    /// <summary>Whether a name, or one above or below it, keeps requests for somebody else (G7).</summary>
    public async ValueTask<bool> IsAnothersAsync(string client, string name, CancellationToken ct) => (await store.OthersAsync(client, NameTree.Of(name, url.Domain), ct)).Count > 0;

    /// <summary>Ends the queues of others at, above or below a name where <paramref name="isGone"/> says that their owners have it no more.</summary>
    public async ValueTask YieldAsync(string client, string name, Func<string, string, ValueTask<bool>> isGone, CancellationToken ct)
    {
        foreach (var queue in await store.OthersAsync(client, NameTree.Of(name, url.Domain), ct))
        {
            if (await isGone(queue.Owner, queue.Pipe.Name))
            {
                await store.RemoveAsync(queue, CancellationToken.None);
            }
        }
    }

    /// <summary>Why a client may not have a queue at its name; null: it may.</summary>
    public async ValueTask<DuplexityError?> ProblemAsync(string client, string name, PipeRegistration pipe, CancellationToken ct)
    {
        if (pipe.Offline != "queue" || await store.FindAsync(name, ct) is not null)
        {
            return null;
        }

        var own = await store.ListAsync(client, ct);
        return own.Count < _options.QueuesPerOwner
            ? null
            : DuplexityError.Of(Errors.TooManyPipes, $"{own.Count} pipes of this client keep requests already; end one with duplexity queue remove NAME.") with { Limit = "queues_per_owner", Used = own.Count };
    }

    /// <summary>Names are registered: those that ask for it have a queue from now on; what waits for a name is replayed to its owner. Null, or why it cannot be.</summary>
    public async ValueTask<DuplexityError?> RegisteredAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct)
    {
        try
        {
            foreach (var entry in entries)
            {
                if (QueueRecord.Keeps(entry))
                {
                    // What is registered and found by nobody had another owner just now.
                    await store.PutAsync(entry, isHandedOver: await backend.LocateAsync(entry.Name, ct) is null, ct);
                }
                else if (await store.FindAsync(entry.Name, ct) is { } queue)
                {
                    if (queue.Owner != entry.Client)
                    {
                        // Its name has another owner: what was kept goes to nobody.
                        await store.RemoveAsync(queue, ct);
                        continue;
                    }

                    // Nothing is kept any more; what waits is replayed first.
                    await store.PutAsync(entry, isHandedOver: false, ct);
                }
                else
                {
                    continue;
                }

                if (!Bridge.IsAt(entry))
                {
                    runners.Start(entry);
                }
                else if (!QueueRecord.Keeps(entry) && await store.FindAsync(entry.Name, ct) is { } over)
                {
                    // It never had anything to replay.
                    await store.RemoveAsync(over, ct);
                }
            }

            return null;
        }
        catch (DuplexityException e)
        {
            return e.Error;
        }
    }

    /// <summary>A pipe was closed by somebody with the right to: nothing is kept for it any more until its owner serves it again; what waits stays its owner's. False: there is no queue whose owner <paramref name="may"/> covers.</summary>
    public async ValueTask<bool> CloseAsync(string name, Func<string, bool> may)
    {
        if (await store.FindAsync(name, CancellationToken.None) is not { } queue || !may(queue.Owner))
        {
            return false;
        }

        await (Bridge.IsAt(queue.Pipe)
            ? store.RemoveAsync(queue, CancellationToken.None)
            : store.PutAsync(queue.Pipe with { Settings = queue.Pipe.Settings with { Offline = null } }, isHandedOver: false, CancellationToken.None));
        return true;
    }

    /// <summary>The queues of a client.</summary>
    public async Task<ListQueuesResponse> ListAsync(string owner, CancellationToken ct)
    {
        var shares = await use.ReadAsync(owner, ct);
        var queues = new List<QueueInfo>();
        foreach (var queue in await store.ListAsync(owner, ct))
        {
            var share = shares.GetValueOrDefault(queue.Id);
            queues.Add(new QueueInfo
            {
                Name = queue.Pipe.Name,
                // A count that was cleared while a request came is made good by the log.
                Waiting = share?.Requests is > 0 and var requests ? requests : await store.AnyWaitsAsync(queue, ct) ? 1 : 0,
                Bytes = share?.Bytes ?? 0,
                Dead = (await store.StateAsync(queue, ct)).Dead.Count,
                IsKeeping = queue.IsKeeping,
                EndsAt = queue.Until.ToUnixTimeMilliseconds(),
            });
        }

        return new() { Queues = [.. queues] };
    }

    /// <summary>What one of them keeps: those that were given up, then those that wait.</summary>
    public async Task<ReadQueueResponse> ReadAsync(string owner, ReadQueueRequest request, CancellationToken ct)
    {
        if (await FindAsync(owner, request.Name, ct) is not { } queue)
        {
            return new() { Error = NotThere(request.Name) };
        }

        var limit = Math.Clamp(request.Limit ?? 100, 1, MostOfPage);
        var state = await store.StateAsync(queue, ct);
        var (found, isBehind, next) = (new List<QueuedRequest>(), request.After is null, (string?)null);
        foreach (var dead in state.Dead)
        {
            if (await store.FindDeadAsync(queue, dead, ct) is { } entry && store.Open(entry) is { } kept)
            {
                Add(kept.Id, () => Info(entry, kept) with { State = QueuedState.Dead, Attempts = dead.Attempts, Status = dead.Status });
            }
        }

        Position? behind = null;
        while (next is null && await store.ReadAsync(queue, state, behind, limit, ct) is { Count: > 0 } page)
        {
            foreach (var entry in page)
            {
                if (store.Open(entry) is { } kept && !state.Discarded.Contains(kept.Id))
                {
                    Add(kept.Id, () => Info(entry, kept) with { Attempts = kept.Attempts + (behind is null && entry == page[0] ? state.Attempts : 0) });
                }
            }

            behind = page[^1].Position;
        }

        return new() { Requests = [.. found], Next = next };

        void Add(string id, Func<QueuedRequest> info)
        {
            if (isBehind && next is null)
            {
                if (found.Count == limit)
                {
                    next = found[^1].Id;
                }
                else
                {
                    found.Add(info());
                }
            }

            isBehind |= id == request.After;
        }
    }

    /// <summary>Puts one that was given up at the end of its queue.</summary>
    public async Task<Done> ReplayAsync(string owner, string? id, CancellationToken ct)
    {
        if (await OfIdAsync(owner, id, ct) is not { } queue || (await store.StateAsync(queue, ct)).Dead.FirstOrDefault(d => d.Id == id) is not { } dead)
        {
            return new() { Error = Gone(id) };
        }

        if (await store.FindDeadAsync(queue, dead, ct) is not { } entry || store.Open(entry) is not { } kept)
        {
            await store.ChangeAsync(queue, s => s with { Dead = [.. s.Dead.Where(d => d != dead)] }, ct);
            return new() { Error = Gone(id) };
        }

        // The line break keeps it apart from every key that an application chooses of its own.
        if (await store.AppendAsync(queue, kept with { Attempts = dead.Attempts }, $"\nqueue {id} {dead.Before}", ct) is { } full)
        {
            return new() { Error = DuplexityError.Of(Errors.InboxFull, "As much waits for your pipes already as may.") with { Limit = full == QueueFull.Requests ? "queued_requests" : "queued_bytes" } };
        }

        await store.ChangeAsync(queue, s => s with { Dead = [.. s.Dead.Where(d => d != dead)] }, ct);
        bell.Ring(queue.Pipe.Name);
        return new();
    }

    /// <summary>Throws one away.</summary>
    public async Task<Done> DiscardAsync(string owner, string? id, CancellationToken ct)
    {
        if (await OfIdAsync(owner, id, ct) is not { } queue)
        {
            return new() { Error = Gone(id) };
        }

        if (await store.ChangeAsync(queue, s => s.Dead.Any(d => d.Id == id) ? s with { Dead = [.. s.Dead.Where(d => d.Id != id)] } : null, ct) is not null)
        {
            return new();
        }

        if (!await WaitsAsync(queue, id!, ct))
        {
            return new() { Error = Gone(id) };
        }

        return await store.ChangeAsync(queue, s => s.Discarded.Count < MostDiscarded ? s with { Discarded = [.. s.Discarded.Where(d => d != id), id!] } : null, ct) is not null
            ? new()
            : new() { Error = DuplexityError.Of(Errors.InboxFull, $"{MostDiscarded} waiting requests of this queue are thrown away already and go with their turn; end the queue to be rid of all.") with { Limit = "discarded_requests" } };
    }

    /// <summary>Ends a queue with all that it keeps.</summary>
    public async Task<Done> RemoveAsync(string owner, string? name, CancellationToken ct)
    {
        if (await FindAsync(owner, name, ct) is not { } queue)
        {
            return new() { Error = NotThere(name) };
        }

        await store.RemoveAsync(queue, ct);
        Log.QueueRemoved(logger, queue.Pipe.Name, VisibleText.Of(owner, VisibleText.LogLength));
        return new();
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var queue in await store.ListAsync(client, ct))
        {
            await store.RemoveAsync(queue, ct);
        }
    }

    private static DuplexityError Gone(string? id) => DuplexityError.Of(Errors.PlaceGone, $"Nothing of yours is kept as {VisibleText.Of(id, 64)}.");

    private static DuplexityError NotThere(string? name) => DuplexityError.Of(Errors.UnknownDestination, $"You have no queue at {VisibleText.Of(name, 128)}.");

    private QueuedRequest Info(LogEntry entry, KeptRequest kept) => new()
    {
        Id = kept.Id,
        At = entry.Message.SentAt.ToUnixTimeMilliseconds(),
        Method = kept.Method,
        Target = kept.Target.Length > VisibleText.LogLength ? kept.Target[..VisibleText.LogLength] : kept.Target,
        Bytes = kept.Body.Length,
        EndsAt = (entry.Message.SentAt + _options.Keep).ToUnixTimeMilliseconds(),
    };

    private async ValueTask<QueueRecord?> FindAsync(string owner, string? name, CancellationToken ct)
    {
        var key = string.IsNullOrWhiteSpace(name) ? null : PipeNames.KeyOf(name.Trim());
        var host = key is null || key.Contains('.') ? key : $"{key}.{url.Domain}";
        return host is not null && await store.FindAsync(host, ct) is { } queue && queue.Owner == owner ? queue : null;
    }

    private async ValueTask<QueueRecord?> OfIdAsync(string owner, string? id, CancellationToken ct) =>
        id?.IndexOf('-') is > 0 and var end ? (await store.ListAsync(owner, ct)).FirstOrDefault(q => q.Id == id[..end]) : null;

    private async ValueTask<bool> WaitsAsync(QueueRecord queue, string id, CancellationToken ct)
    {
        var state = await store.StateAsync(queue, ct);
        Position? behind = null;
        while (await store.ReadAsync(queue, state, behind, MostOfPage, ct) is { Count: > 0 } page)
        {
            if (page.Any(e => store.Open(e)?.Id == id))
            {
                return true;
            }

            behind = page[^1].Position;
        }

        return false;
    }
}
