using System.Collections.Concurrent;
using System.Globalization;
using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// Locks, for all nodes. Who has what is decided in one script a call, by the store's time; what happened is an event of a stream, which every node reads in its order, so that nothing of it is lost with a hint.
/// Thread-safe.
/// </summary>
internal sealed class RedisLocks : ILocks, IDisposable
{
    private readonly RedisLink _link;
    private readonly RedisNode _node;
    private readonly LockOptions _limits;
    private readonly RedisLockEvents _events;
    private readonly ILogger _logger;
    private readonly ITimer _alarm;
    private readonly ConcurrentQueue<RedisValue[]> _toLose = new();

    public RedisLocks(RedisLink link, RedisNode node, DuplexityOptions options, TimeProvider time, ILogger logger)
    {
        (_link, _node, _limits, _logger) = (link, node, options.Locks, logger);
        _events = new RedisLockEvents(link, new RedisLockViews(time), logger);
        _alarm = time.CreateTimer(_ => _ = TryTendAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public async ValueTask StartAsync(ILockHandler handler, CancellationToken ct = default)
    {
        _events.Attach(handler);
        await RestoreAsync();
    }

    /// <inheritdoc/>
    public async ValueTask<LockAnswer> AcquireAsync(LockRequest request, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        RedisValue[] asked =
        [
            request.Name.ToString(), request.Holder.Client, request.Holder.SocketId, request.Ticket, RedisAppends.Milliseconds(request.Lease), RedisAppends.Microseconds(request.Wait),
            request.Token is { } token ? token : "", _limits.PerClient, _limits.Waiters,
        ];
        var answer = await DoAsync("acquire", asked);
        var outcome = (string)answer[0]! switch
        {
            "granted" => LockOutcome.Granted,
            "queued" => LockOutcome.Queued,
            "taken" => LockOutcome.Taken,
            "line-full" => LockOutcome.LineFull,
            "too-many" => LockOutcome.TooMany,
            _ => LockOutcome.Lost,
        };
        var held = (string[])answer[2]!;
        return new LockAnswer(outcome, held.Length == 0 ? null : RedisLockViews.View(held), (int)answer[1]);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RenewAsync(LockName name, LockHolder holder, long token, CancellationToken ct = default) =>
        (int)(await DoAsync("renew", name.ToString(), holder.Client, holder.SocketId, token))[0] == 1;

    /// <inheritdoc/>
    public async ValueTask<bool> ReleaseAsync(LockName name, LockHolder holder, long token, CancellationToken ct = default) =>
        (int)(await DoAsync("release", name.ToString(), holder.Client, holder.SocketId, token))[0] == 1;

    /// <inheritdoc/>
    public async ValueTask<bool> WithdrawAsync(LockName name, LockHolder holder, string ticket, CancellationToken ct = default) =>
        (int)(await DoAsync("withdraw", name.ToString(), holder.Client, holder.SocketId, ticket))[0] == 1;

    /// <inheritdoc/>
    public async ValueTask<bool> BreakAsync(LockName name, CancellationToken ct = default) => (int)(await DoAsync("break", name.ToString()))[0] == 1;

    /// <inheritdoc/>
    public async ValueTask DropAsync(string client, string? socketId, CancellationToken ct = default) => await DoAsync("drop", socketId is null ? [client] : [client, socketId]);

    /// <inheritdoc/>
    public async ValueTask LoseAsync(string socketId, string? client = null, CancellationToken ct = default)
    {
        RedisValue[] lost = client is null ? [socketId] : [socketId, client];
        try
        {
            await DoAsync("lose", lost);
        }
        catch (DuplexityException)
        {
            // Nobody tries this again but TendAsync, once the store answers. As many as sockets that ended meanwhile.
            _toLose.Enqueue(lost);
            throw;
        }
    }

    /// <inheritdoc/>
    public LockView? Find(LockName name) => _events.Views.Find(name);

    /// <summary>A hint came.</summary>
    public void OnHint() => _ = TryAsync(_events.ReadAsync);

    /// <summary>Lets time in, and reads what was not heard.</summary>
    public async Task TendAsync()
    {
        if (_events.IsAttached)
        {
            while (_toLose.TryDequeue(out var lost))
            {
                try
                {
                    await DoAsync("lose", lost);
                }
                catch
                {
                    _toLose.Enqueue(lost);
                    throw;
                }
            }

            await DoAsync("alarm");
            await _events.ReadAsync();
        }
    }

    /// <summary>Reads all that is held anew.</summary>
    public async Task RestoreAsync()
    {
        if (await _events.LoadAsync(_node.Id) is { } due)
        {
            Arm(due);
        }
    }

    public void Dispose()
    {
        _alarm.Dispose();
        _events.Dispose();
    }

    private async Task<RedisResult[]> DoAsync(string what, params RedisValue[] asked)
    {
        _events.EnsureAttached();
        var answer = await _node.RunAsync(RedisScript.Lock, _link.Keys.OfLocks, id => [.. _link.Keys.LockArguments(id), what, .. asked]);
        Arm((string)answer[3]!);
        if ((int)answer[4] > 0)
        {
            // What a call brings about is known here, and told, before it is answered.
            await _events.ReadAsync();
        }

        return answer;
    }

    /// <summary>Looks again when something ends next, of any node's locks: whichever comes first does it for all.</summary>
    private void Arm(string microseconds)
    {
        // A millisecond more, for a timer counts whole ones and would come too early.
        var left = microseconds.Length == 0 ? Timeout.InfiniteTimeSpan
            : TimeSpan.FromMicroseconds(Math.Max(0, double.Parse(microseconds, CultureInfo.InvariantCulture))) + TimeSpan.FromMilliseconds(1);
        try
        {
            _alarm.Change(left, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The node stops.
        }
    }

    private Task TryTendAsync() => TryAsync(TendAsync);

    private async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception e) when (e is DuplexityException or RedisException or ObjectDisposedException or OperationCanceledException)
        {
            // The next renewal of the node's lease does it again.
            Log.LocksNotRead(_logger, e);
        }
    }
}
