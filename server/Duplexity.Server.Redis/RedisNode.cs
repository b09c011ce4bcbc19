using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// This node among the others: its lease, renewed every moment, and what follows from it (G16). What a node writes names its id; a node whose lease was over, and whose belongings others have removed, is refused, takes a new id and puts
/// back what it has. When Redis has begun another life, it puts back as well. The nodes bury the dead together. Thread-safe.
/// </summary>
internal sealed class RedisNode(RedisLink link, RedisHints hints, string name, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    /// <summary>How often what nobody needs any more is let go of.</summary>
    private static readonly TimeSpan Forgetting = TimeSpan.FromMinutes(1);

    /// <summary>How long the presence of a channel that nobody is in is remembered: whoever saw its last version is told of the next by then.</summary>
    private static readonly TimeSpan EmptyMemory = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private volatile string _id = "";
    private string? _life;
    private volatile bool _isAway;
    private bool _mustRestore;
    private long _forgot = time.GetTimestamp();
    private ITimer? _timer;
    private Task _tick = Task.CompletedTask;

    /// <summary>The node's name and which lease of its own this is.</summary>
    public string Id => _id;

    /// <summary>For how long the node may act without a renewal.</summary>
    public ActingLease Lease { get; } = new(time, link.Options.Lease);

    /// <summary>The nodes that were not taken for dead at the last renewal.</summary>
    public LiveNodes Nodes { get; } = new();

    /// <summary>Whether the last renewal failed.</summary>
    public bool IsAway => _isAway;

    /// <summary>How long a public name rests between two owners.</summary>
    public TimeSpan HandOver { get; init; }

    /// <summary>Puts back what this node has: under another id, or in another life of the store.</summary>
    public Func<Task> Restore { get; set; } = () => Task.CompletedTask;

    /// <summary>What is done before each renewal: who cannot do it is not alive.</summary>
    public Func<Task> BeforeRenewal { get; set; } = () => Task.CompletedTask;

    /// <summary>What else is done with each renewal.</summary>
    public Func<Task> Tend { get; set; } = () => Task.CompletedTask;

    public async Task StartAsync()
    {
        var from = time.GetTimestamp();
        await BeginAsync();
        Lease.Renew(from);
        _timer = time.CreateTimer(_ => _tick = TickAsync(), null, link.Options.Renewal, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What a call is answered with that came under a lease that is over. The next one comes under another.</summary>
    public DuplexityException Lost()
    {
        _ = RejoinAsync(_id).ContinueWith(t => Log.NotRestored(logger, t.Exception!), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return new DuplexityException(DuplexityError.Of(Errors.Unavailable, "This node was away from Redis for longer than its lease; nothing was done, try again in a moment."));
    }

    /// <summary>Runs something that names the node; where its lease was over, once more under the next one.</summary>
    public async Task<RedisResult[]> RunAsync(string script, RedisKey[] keys, Func<string, RedisValue[]> arguments)
    {
        for (var isAgain = false; ; isAgain = true)
        {
            var id = _id;
            var answer = (RedisResult[])(await link.RunAsync(script, keys, arguments(id)))!;
            if ((string?)answer[0] != "gone")
            {
                return answer;
            }

            if (isAgain)
            {
                throw Lost();
            }

            await RejoinAsync(id);
        }
    }

    /// <summary>Goes on under another id, unless somebody has seen to that already.</summary>
    public async Task RejoinAsync(string lost)
    {
        await _turn.WaitAsync(_stop.Token);
        try
        {
            if (_id == lost)
            {
                await BeginAsync();
                Log.LeaseLost(logger, _id);
                await RestoreAsync();
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Leaves: what it has is removed as that of a dead node is, at once.</summary>
    public async Task LeaveAsync()
    {
        await StopAsync();
        await link.AskAsync(database => database.SortedSetRemoveAsync(link.Keys.Nodes, _id));
        await BuryAsync(_id);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task StopAsync()
    {
        if (_timer is { } timer)
        {
            await _stop.CancelAsync();
            await timer.DisposeAsync();
            await _tick;
            _timer = null;
        }
    }

    private async Task BeginAsync()
    {
        // Listening comes first: whoever sees the node in the store may tell it something.
        var id = $"{name}.{EmbeddedEngine.NewIncarnation()}";
        await hints.ListenAsync(id);
        var renewed = await RenewAsync(id, begins: true);
        _life = (string)renewed[1]!;
        if (hints.HearsAll)
        {
            await link.AskAsync(database => database.SetAddAsync(link.Keys.Everything, id));
        }

        _id = id;
        Nodes.Set(id, (string[])renewed[3]!);
    }

    private async Task<RedisResult[]> RenewAsync(string id, bool begins = false) => (RedisResult[])(await link.RunAsync(
        RedisScript.Renew, [link.Keys.Nodes, link.Keys.Buried, link.Keys.Watch], id, RedisAppends.Microseconds(link.Options.Lease), begins ? 1 : 0))!;

    private async Task TickAsync()
    {
        try
        {
            await RoundAsync();
            if (_isAway)
            {
                _isAway = false;
                Log.Back(logger);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The node stops.
        }
        catch (Exception e)
        {
            if (!_isAway && !_stop.IsCancellationRequested)
            {
                _isAway = true;
                Log.Away(logger, e);
            }
        }

        if (!_stop.IsCancellationRequested)
        {
            _timer!.Change(link.Options.Renewal, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>One renewal, and what follows from it.</summary>
    internal async Task RoundAsync()
    {
        var from = time.GetTimestamp();
        var id = _id;
        await BeforeRenewal();
        var renewed = await RenewAsync(id);
        if ((string?)renewed[0] == "gone")
        {
            await RejoinAsync(id);
        }
        else
        {
            Nodes.Set(id, (string[])renewed[3]!);
        }

        if ((string)renewed[1]! is var life && life != _life)
        {
            Log.AnotherLife(logger);
            (_life, _mustRestore) = (life, true);
        }

        if (_mustRestore)
        {
            await RestoreAsync();
        }

        // Not before what was told meanwhile is done, and what it has is put back.
        Lease.Renew(from);
        foreach (var dead in (string[])renewed[2]!)
        {
            await BuryAsync(dead);
            Log.Buried(logger, dead);
        }

        if (time.GetElapsedTime(_forgot) >= Forgetting)
        {
            _forgot = time.GetTimestamp();
            var keys = link.Keys;
            await link.RunAsync(
                RedisScript.Forget, [keys.PresenceEmptied, keys.PresenceFloor, keys.RecordKinds],
                keys.AllPresence, keys.AllPresenceVersions, RedisAppends.Microseconds(EmptyMemory), keys.AllRecords, keys.AllRecordExpiries);
        }

        await Tend();
    }

    private async Task RestoreAsync()
    {
        _mustRestore = true;
        if (hints.HearsAll)
        {
            await link.AskAsync(database => database.SetAddAsync(link.Keys.Everything, _id));
        }

        await Restore();
        _mustRestore = false;
    }

    private async Task BuryAsync(string dead)
    {
        var keys = link.Keys;
        while ((int)await link.RunAsync(
            RedisScript.Bury, [keys.Buried, keys.PresenceFloor, keys.PresenceEmptied, keys.Everything, keys.Pipes, keys.LeftPipes, keys.LeftPipesUntil],
            dead, keys.Topic, keys.Belongings, keys.AllPresence, keys.AllPresenceVersions, keys.AllFollowers, keys.AllPipesOf, DepartureReason.Lost, keys.AllPipesBelow, RedisAppends.Microseconds(HandOver)) > 0)
        {
        }

        while ((int)((RedisResult[])(await link.RunAsync(RedisScript.Lock, keys.OfLocks, [.. keys.LockArguments(_id), "bury", dead]))!)[0] > 0)
        {
        }

        await link.AskAsync(database => database.SortedSetRemoveAsync(keys.Buried, dead));
    }
}
