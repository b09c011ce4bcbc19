using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What owners do about their queues. Thread-safe.</summary>
internal sealed class QueueDesk(QueueStore store, QueueUse use, QueueBell bell, PipeUrl url, IOptions<DuplexityOptions> options, ILogger<QueueDesk> logger) : IBelongings
{
    /// <summary>Ids that may be thrown away while they wait, of one queue.</summary>
    private const int MostDiscarded = 1_000;

    /// <summary>The largest page of kept requests.</summary>
    private const int MostOfPage = 1_000;

    private readonly QueueOptions _options = options.Value.Queue;

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
        if (HostOf(name) is not { } host || await EndAsync(owner, host, ct) is not { } queue)
        {
            return new() { Error = NotThere(name) };
        }

        Log.QueueRemoved(logger, queue.Pipe.Name, VisibleText.Of(owner, VisibleText.LogLength));
        return new();
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var queue in await store.ListAsync(client, ct))
        {
            await EndAsync(client, queue.Pipe.Name, ct);
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

    /// <summary>Removes a queue as it is by then: its owner's word goes before what he registers in that moment. Null: there is none of his.</summary>
    private async ValueTask<QueueRecord?> EndAsync(string owner, string host, CancellationToken ct)
    {
        while (await store.FindAsync(host, ct) is { } queue && queue.Owner == owner)
        {
            if (await store.RemoveAsync(queue, ct))
            {
                return queue;
            }
        }

        return null;
    }

    private string? HostOf(string? name)
    {
        var key = string.IsNullOrWhiteSpace(name) ? null : PipeNames.KeyOf(name.Trim());
        return key is null || key.Contains('.') ? key : $"{key}.{url.Domain}";
    }

    private async ValueTask<QueueRecord?> FindAsync(string owner, string? name, CancellationToken ct) =>
        HostOf(name) is { } host && await store.FindAsync(host, ct) is { } queue && queue.Owner == owner ? queue : null;

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
