using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>What becomes of queues when the names on which they hang are registered or closed. Thread-safe.</summary>
internal sealed class QueueNames(QueueStore store, QueueRunners runners, BackendRegistry backend, PipeUrl url, IOptions<DuplexityOptions> options)
{
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

    /// <summary>Why a client may not register its name so, for the queue that it has or would have; null: it may.</summary>
    public async ValueTask<DuplexityError?> ProblemAsync(string client, string name, PipeRegistration pipe, CancellationToken ct)
    {
        if (pipe.Share == true)
        {
            return await store.FindAsync(name, ct) is { } there ? await SharingProblemAsync(there, ct) : null;
        }

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
                if (await RegisteredAsync(entry, ct) is { } problem)
                {
                    return problem;
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
        while (true)
        {
            if (await store.FindAsync(name, CancellationToken.None) is not { } queue || !may(queue.Owner))
            {
                return false;
            }

            if (await store.TryCloseAsync(queue, CancellationToken.None) is not { } closed)
            {
                continue; // it has changed meanwhile
            }

            if (Bridge.IsAt(closed.Pipe) && !await store.KeepsAnyAsync(closed, CancellationToken.None))
            {
                await store.RemoveAsync(closed, CancellationToken.None);
            }

            return true;
        }
    }

    private async ValueTask<DuplexityError?> RegisteredAsync(PipeEntry entry, CancellationToken ct)
    {
        QueueRecord? queue;
        if (QueueRecord.Keeps(entry))
        {
            // What is registered and found by nobody had another owner just now.
            queue = await store.PutAsync(entry, isHandedOver: await backend.LocateAsync(entry.Name, ct) is null, ct);
        }
        else if ((queue = await store.FindAsync(entry.Name, ct)) is null)
        {
            return null;
        }
        else if (queue.Owner != entry.Client)
        {
            // Its name has another owner: what was kept goes to nobody.
            await store.RemoveAsync(queue, ct);
            return null;
        }
        else
        {
            // Nothing is kept any more; what waits is replayed first.
            queue = await store.PutAsync(entry, isHandedOver: false, ct);
            if (entry.IsShared && await SharingProblemAsync(queue, ct) is { } problem)
            {
                return problem; // something has come since that was asked
            }
        }

        // What is to become a message is never kept; but the name may have led to a server before.
        if (!Bridge.IsAt(entry) || await store.AnyWaitsAsync(queue, ct))
        {
            runners.Start(entry);
        }
        else if (!queue.IsKeeping && !await store.KeepsAnyAsync(queue, ct))
        {
            await store.RemoveAsync(queue, ct);
        }

        return null;
    }

    /// <summary>The newest registration replays what waits; when it left, those that share the name with it would not.</summary>
    private async ValueTask<DuplexityError?> SharingProblemAsync(QueueRecord queue, CancellationToken ct) => await store.KeepsAnyAsync(queue, ct)
        ? DuplexityError.Of(Errors.InvalidPipe, $"Requests are kept for {queue.Pipe.Name}, and are replayed to one session: serve it without share first, or throw them away with duplexity queue remove {queue.Pipe.Name}.")
        : null;
}
