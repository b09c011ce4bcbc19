using System.Text.Json;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>Which bound a request would pass.</summary>
internal enum QueueFull
{
    /// <summary>As many requests wait for this pipe as may.</summary>
    Requests,

    /// <summary>The client's pipes keep as many bytes as they may.</summary>
    Bytes,
}

/// <summary>
/// What waits for each client's pipes, counted for all nodes in one record a client. A node that dies between counting and storing counts too much; a queue that has run empty counts as nothing again, which mends that.
/// Thread-safe.
/// </summary>
internal sealed class QueueUse(IEngine engine, IOptions<DuplexityOptions> options)
{
    /// <summary>The kind of the records that say which queues there are.</summary>
    public const string QueueKind = "pipe-queue";

    private const string Kind = "pipe-queue-use";

    private readonly ChangeTurns _turns = new();
    private readonly QueueOptions _options = options.Value.Queue;

    /// <summary>Counts a request that is about to be stored; else which bound is against it.</summary>
    public async ValueTask<QueueFull?> TakeAsync(string owner, string queue, long bytes, CancellationToken ct)
    {
        QueueFull? full = null;
        await ChangeAsync(owner, shares => (full = Full(shares, queue, bytes)) is null ? Add(shares, queue, 1, bytes) : null, ct);
        if (full == QueueFull.Bytes)
        {
            // Perhaps by those of names whose time was over, which nobody counted down.
            var live = (await engine.Records.ListAsync(QueueKind, ct)).Select(r => JsonSerializer.Deserialize<QueueRecord>(r.Value)!.Id).ToHashSet(StringComparer.Ordinal);
            await ChangeAsync(owner, shares =>
            {
                var left = shares.Where(s => live.Contains(s.Key)).ToDictionary();
                return (full = Full(left, queue, bytes)) is null ? Add(left, queue, 1, bytes) : left;
            }, ct);
        }

        return full;
    }

    /// <summary>A request waits no longer.</summary>
    public ValueTask ReleaseAsync(string owner, string queue, long bytes, CancellationToken ct) => ChangeAsync(owner, shares => Add(shares, queue, -1, -bytes), ct);

    /// <summary>Nothing waits in a queue.</summary>
    public ValueTask ClearAsync(string owner, string queue, CancellationToken ct) => ChangeAsync(owner, shares => shares.Remove(queue) ? shares : null, ct);

    /// <summary>What waits for each of a client's queues, by their ids.</summary>
    public async ValueTask<IReadOnlyDictionary<string, Share>> ReadAsync(string owner, CancellationToken ct) => Read(await engine.Records.ReadAsync(Kind, owner, ct));

    private static Dictionary<string, Share> Read(string? text) => text is null ? [] : JsonSerializer.Deserialize<Dictionary<string, Share>>(text)!;

    private static Dictionary<string, Share> Add(Dictionary<string, Share> shares, string queue, int requests, long bytes)
    {
        var there = shares.GetValueOrDefault(queue) ?? new Share(0, 0);
        shares[queue] = new Share(Math.Max(0, there.Requests + requests), Math.Max(0, there.Bytes + bytes));
        return shares;
    }

    private QueueFull? Full(Dictionary<string, Share> shares, string queue, long bytes) =>
        shares.GetValueOrDefault(queue)?.Requests >= _options.Requests ? QueueFull.Requests
        : shares.Values.Sum(s => s.Bytes) + bytes > _options.BytesPerOwner ? QueueFull.Bytes
        : null;

    private async ValueTask ChangeAsync(string owner, Func<Dictionary<string, Share>, Dictionary<string, Share>?> change, CancellationToken ct)
    {
        // Changes of this node take turns; those of others are found out by the comparison.
        using var turn = await _turns.EnterAsync(owner, ct);
        while (true)
        {
            var text = await engine.Records.ReadAsync(Kind, owner, ct);
            if (change(Read(text)) is not { } changed)
            {
                return;
            }

            var written = JsonSerializer.Serialize(changed);
            if (text is null ? await engine.Records.TryAddAsync(Kind, owner, written, null, ct) : await engine.Records.TryReplaceAsync(Kind, owner, text, written, null, ct))
            {
                return;
            }
        }
    }

    /// <summary>What waits for one pipe.</summary>
    internal sealed record Share(int Requests, long Bytes);
}
