using System.Collections.Concurrent;
using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// The system log (G8): a stream whose entries each name the one before, so that a hole is seen. A node reads on before it renews its lease, and whenever a hint says that there is more; when it has done an entry it says so, and the
/// teller counts. Thread-safe.
/// </summary>
internal sealed class RedisSystemLog(RedisLink link, RedisNode node, TimeProvider time, ILogger logger) : ISystemLog, IDisposable
{
    /// <summary>Entries of one call.</summary>
    private const int Page = 100;

    /// <summary>How many entries are kept: what a node that is alive can lack is some seconds of them, and who lacks more reads everything again.</summary>
    private const int Kept = 10_000;

    /// <summary>How long it is remembered that a node knows what was told: longer than anybody waits for it.</summary>
    private static readonly TimeSpan PlaceMemory = TimeSpan.FromDays(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ConcurrentDictionary<long, SemaphoreSlim> _asked = new();
    private readonly Queue<(long Number, string By, int Hit)> _unsaid = new();
    private ISystemHandler? _handler;
    private string _place = "0-0";
    private long _number;
    private long _awaited;
    private long _unconfirmed;

    /// <inheritdoc/>
    public long Awaited => Interlocked.Read(ref _awaited);

    /// <inheritdoc/>
    public long Unconfirmed => Interlocked.Read(ref _unconfirmed);

    /// <inheritdoc/>
    public void Attach(ISystemHandler handler)
    {
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
        {
            throw new InvalidOperationException("The system log has its handler already; one engine serves one node.");
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Told> TellAsync(string kind, string text, TimeSpan? patience, CancellationToken ct = default)
    {
        var began = time.GetTimestamp();
        var keys = link.Keys;
        var answer = await node.RunAsync(RedisScript.Tell, [keys.Nodes, keys.System, keys.SystemNumber], id => [id, keys.Topic, kind, text, Kept]);
        var (number, nodes) = ((long)answer[1], (string[])answer[2]!);
        var asked = _asked.GetOrAdd(number, _ => new SemaphoreSlim(0));
        try
        {
            HearMore();
            while (true)
            {
                var told = await CountAsync(number, nodes);
                var left = patience is { } most ? most - time.GetElapsedTime(began) : link.Options.Renewal;
                if (told.Pending == 0 || left <= TimeSpan.Zero)
                {
                    Note(told, patience);
                    return told;
                }

                // Until somebody has done it, or it is time to look who is dead.
                await asked.WaitAsync(left < link.Options.Renewal ? left : link.Options.Renewal, ct);
            }
        }
        finally
        {
            _asked.TryRemove(number, out _);
        }
    }

    /// <summary>A hint: there is more to read.</summary>
    public void HearMore() => _ = ReadOnAsync().ContinueWith(t => Log.SystemNotRead(logger, t.Exception!), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

    /// <summary>A hint: a node has done what was told from here under this number.</summary>
    public void HearDone(long number)
    {
        if (_asked.TryGetValue(number, out var asked))
        {
            asked.Release();
        }
    }

    /// <summary>Stands at the end, whatever was told before: the node has yet to read what it keeps in memory.</summary>
    public Task BeginAsync() => InTurnAsync(StandAtEndAsync);

    /// <summary>Does everything that was told up to now.</summary>
    public Task ReadOnAsync() => InTurnAsync(async () =>
    {
        await SayDoneAsync();
        for (StreamEntry[]? page = null; page is null or { Length: Page };)
        {
            page = await link.AskAsync(database => database.StreamRangeAsync(link.Keys.System, $"({_place}", count: Page));
            foreach (var entry in page)
            {
                await DoAsync(entry);
            }
        }
    });

    /// <summary>Goes on where what was told meanwhile cannot be known: the store is another one, or the node was taken for dead.</summary>
    public Task RestoreAsync() => InTurnAsync(async () =>
    {
        await StandAtEndAsync();
        await MissAsync(_number);
    });

    public void Dispose() => _turn.Dispose();

    private void Note(Told told, TimeSpan? patience)
    {
        if (patience != TimeSpan.Zero)
        {
            Interlocked.Increment(ref _awaited);
            Interlocked.Add(ref _unconfirmed, told.Pending);
        }
    }

    private async Task InTurnAsync(Func<Task> act)
    {
        await _turn.WaitAsync();
        try
        {
            await act();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task StandAtEndAsync()
    {
        var last = await link.AskAsync(database => database.StreamRangeAsync(link.Keys.System, count: 1, messageOrder: Order.Descending));
        (_place, _number) = last is [var entry] ? ((string?)entry.Id ?? "0-0", (long)entry["n"]) : ("0-0", 0);
    }

    private async Task DoAsync(StreamEntry entry)
    {
        var (number, before) = ((long)entry["n"], (long)entry["after"]);
        if (before != _number)
        {
            await MissAsync(before);
        }

        var hit = 0;
        try
        {
            hit = _handler is { } handler ? await handler.OnToldAsync((string?)entry["kind"] ?? "", (string?)entry["text"] ?? "") : 0;
        }
        catch (Exception e) when (e is not DuplexityException)
        {
            // It would fail again, and the others wait. Where the store has gone meanwhile, it is done when that is back.
            Log.SystemHandlerFailed(logger, e);
        }

        (_place, _number) = ((string?)entry.Id ?? _place, number);
        _unsaid.Enqueue((number, (string?)entry["by"] ?? "", hit));
        await SayDoneAsync();
    }

    private async Task SayDoneAsync()
    {
        while (_unsaid.TryPeek(out var done))
        {
            var keys = link.Keys;
            await link.RunAsync(RedisScript.Done, [keys.SystemDone(done.Number)], node.Id, done.Hit, done.Number, keys.Topic, done.By, RedisAppends.Microseconds(2 * link.Options.Lease) / 1_000);
            _unsaid.Dequeue();
        }
    }

    /// <summary>What was told up to a number is not known one by one.</summary>
    private async Task MissAsync(long number)
    {
        Log.SystemMissed(logger);
        if (_handler is { } handler)
        {
            await handler.OnMissedAsync();
        }

        await link.AskAsync(database => database.StringSetAsync(link.Keys.SystemPlace(node.Id), number, PlaceMemory));
    }

    private async Task<Told> CountAsync(long number, string[] nodes)
    {
        var keys = link.Keys;
        var counted = (RedisResult[])(await link.RunAsync(RedisScript.Count, [keys.Nodes, keys.SystemDone(number)], [number, keys.SystemPlaces, .. nodes.Select(n => (RedisValue)n)]))!;
        return new Told((int)counted[0], (int)counted[1]);
    }
}
