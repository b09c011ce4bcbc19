using Duplexity.Server.Engine;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// The message log in Redis: a stream for each channel, beside it a hash with its top. Each append is one script, sent in the call itself, so that appends of a node take effect in the order of their calls.
/// </summary>
internal sealed class RedisMessageLog(RedisLink link, RedisNode node, RedisHints hints, RedisFollows follows, DuplexityOptions options, IRetention retention) : IMessageLog
{
    private readonly RedisAppends _appends = new(link.Keys, options, retention);
    private readonly RedisReplication? _replication = link.Options.Replicas > 0 ? new(link.WaitAsync) : null;
    private int _waiting;
    private long _waitingBytes;

    /// <inheritdoc/>
    public ReceiptLevel Level => _replication is null ? Reached : ReceiptLevel.Replicated;

    /// <summary>What an append reaches at the primary.</summary>
    public ReceiptLevel Reached { get; set; } = ReceiptLevel.Written;

    /// <inheritdoc/>
    public ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<AppendResult>(ct);
        }

        request.Check();
        hints.EnsureAttached();
        var body = StoredBytes.Of(request.Message);
        var (waiting, bytes) = (Interlocked.Increment(ref _waiting), Interlocked.Add(ref _waitingBytes, body.Length));
        if (waiting > options.Limits.AppendsWaiting || bytes - body.Length > options.Limits.AppendBytesWaiting)
        {
            Done(body.Length);
            return ValueTask.FromException<AppendResult>(new DuplexityException(DuplexityError.Of(Errors.Unavailable, "More waits for Redis than it takes; nothing was stored, send again in a moment.")));
        }

        var (keys, arguments) = _appends.Of(request, node.Id, body, Reached);
        return AnswerAsync(link.AppendAsync(RedisScript.Append, keys, arguments), _replication?.AfterAsync(), request, body.Length);
    }

    /// <inheritdoc/>
    public async ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default)
    {
        key.Check();
        var (kind, keys, name) = _appends.Receipts(key);
        var found = await link.RunAsync(RedisScript.Find, keys, kind, name, key.Sequence, key.Fingerprint, RedisAppends.Microseconds(options.Times.Idempotency));
        return found.IsNull || RedisAppends.Read(found, "") is not { Outcome: AppendOutcome.Repeated } earlier ? null : earlier;
    }

    /// <inheritdoc/>
    public async ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ct.ThrowIfCancellationRequested();
        var kept = retention.Of(channel);
        RedisValue[] asked = [RedisAppends.Microseconds(kept.Age), kept.Most, kept.Bytes, limit, LogPage.MaxBytes, reverse ? 1 : 0];
        var read = await link.RunAsync(RedisScript.Read, [link.Keys.Log(channel), link.Keys.Top(channel)], since is null ? asked : [.. asked, since.Offset, since.Epoch]);
        return RedisEntries.Page(channel, (RedisResult[])read!);
    }

    /// <inheritdoc/>
    public async ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default)
    {
        var top = await link.AskAsync(database => database.HashGetAsync(link.Keys.Top(channel), RedisEntries.TopFields));
        return RedisEntries.Top(top[0], top[1]);
    }

    /// <inheritdoc/>
    public async ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default)
    {
        string? places = await link.AskAsync(database => database.HashGetAsync(link.Keys.Sources(channel), edge));
        return places is null ? null : Position.Parse(places[(places.LastIndexOf(' ') + 1)..]);
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(Address channel, CancellationToken ct = default)
    {
        var keys = link.Keys;
        await link.AskAsync(database => database.KeyDeleteAsync(
            [keys.Log(channel), keys.Top(channel), keys.Fences(channel), keys.FencesShown(channel), keys.Sources(channel), keys.SourcesShown(channel)]));
    }

    /// <inheritdoc/>
    public ValueTask FollowAsync(Address channel) => follows.FollowAsync(channel);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<string>> NodesFollowingAsync(Address channel, CancellationToken ct = default) =>
        [.. (await link.AskAsync(database => database.SetMembersAsync(link.Keys.Followers(channel)))).Select(n => (string)n!)];

    /// <inheritdoc/>
    public void Unfollow(Address channel) => follows.Unfollow(channel);

    /// <inheritdoc/>
    public async ValueTask HintAsync(Address channel) =>
        await link.RunAsync(RedisScript.Hint, [link.Keys.Everything, link.Keys.Followers(channel)], link.Keys.Topic, channel.ToString(), node.Id);

    private async ValueTask<AppendResult> AnswerAsync(Task<RedisResult> append, Task<int>? replicas, AppendRequest request, int bytes)
    {
        try
        {
            var result = RedisAppends.Read(await append, request.Message.Id) ?? throw node.Lost();
            return replicas is not null && result is { Level: not ReceiptLevel.Accepted, Positions.Count: > 0 } && await replicas >= link.Options.Replicas
                ? result with { Level = ReceiptLevel.Replicated }
                : result;
        }
        finally
        {
            Done(bytes);
        }
    }

    private void Done(int bytes)
    {
        Interlocked.Decrement(ref _waiting);
        Interlocked.Add(ref _waitingBytes, -bytes);
    }
}
