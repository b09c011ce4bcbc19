using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// The channels that somebody on this node follows. The store keeps for each channel the nodes that follow it, so that an append tells them and nobody else. Many that are followed at once (a reconnect storm) are a few calls.
/// Every <see cref="RedisOptions.Check"/> the places that were heard are compared with the tops, and what a lost hint told of is made good. Thread-safe.
/// </summary>
internal sealed class RedisFollows(RedisLink link, RedisNode node, RedisHints hints, TimeProvider time, ILogger logger)
{
    /// <summary>Channels of one call: some milliseconds of the store's time.</summary>
    private const int Batch = 1_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<Address, Followed> _followed = [];
    private HashSet<Address> _changed = [];
    private TaskCompletionSource _next = NewTurn();
    private Task _last = Task.CompletedTask;
    private long _compared = time.GetTimestamp();

    /// <summary>Reads the last entry of a channel.</summary>
    public required Func<Address, ValueTask<LogPage>> ReadLast { get; init; }

    /// <summary>How many calls it took so far.</summary>
    internal int Calls { get; private set; }

    /// <summary>When it completes, what is appended to the channel is told to this node until as many <see cref="Unfollow"/>.</summary>
    public async ValueTask FollowAsync(Address channel)
    {
        Task told;
        lock (_lock)
        {
            if (!_followed.TryGetValue(channel, out var followed))
            {
                _followed[channel] = followed = new Followed { Told = ChangeUnsynchronized(channel) };
            }

            followed.Count++;
            told = followed.Told;
        }

        try
        {
            await told;
        }
        catch
        {
            Unfollow(channel);
            throw;
        }
    }

    public void Unfollow(Address channel)
    {
        lock (_lock)
        {
            if (_followed.TryGetValue(channel, out var followed) && --followed.Count == 0)
            {
                _followed.Remove(channel);

                // Nobody waits for it, and what is told meanwhile is passed over.
                _ = ChangeUnsynchronized(channel).ContinueWith(t => _ = t.Exception, TaskScheduler.Default);
            }
        }
    }

    /// <summary>Whether this entry is later than what was heard of its channel; it is heard now.</summary>
    public bool IsNews(Address channel, Position place)
    {
        lock (_lock)
        {
            if (!_followed.TryGetValue(channel, out var followed))
            {
                return hints.HearsAll;
            }

            if (followed.Heard is { } heard && heard.Epoch == place.Epoch && heard.Offset >= place.Offset)
            {
                return false;
            }

            followed.Heard = place;
            return true;
        }
    }

    /// <summary>A change of presence was told.</summary>
    public void HearPresence(Address channel, long version) => _ = IsNewer(channel, version);

    /// <summary>Says again which channels are followed, and reads what was not heard; now, or where it is time.</summary>
    public async Task CompareAsync(bool now)
    {
        if (!now && time.GetElapsedTime(_compared) < link.Options.Check)
        {
            return;
        }

        _compared = time.GetTimestamp();
        Address[] all;
        lock (_lock)
        {
            all = [.. _followed.Keys];
        }

        foreach (var some in all.Chunk(Batch))
        {
            await SayAsync(some, follows: true);
        }
    }

    private static TaskCompletionSource NewTurn()
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = turn.Task.ContinueWith(t => _ = t.Exception, TaskScheduler.Default);
        return turn;
    }

    /// <summary>What changes goes out with the next call, together with what changes meanwhile.</summary>
    private Task ChangeUnsynchronized(Address channel)
    {
        if (_changed.Count == 0)
        {
            _last = _last.ContinueWith(_ => FlushAsync(), TaskScheduler.Default).Unwrap();
        }

        _changed.Add(channel);
        return _next.Task;
    }

    private async Task FlushAsync()
    {
        TaskCompletionSource turn;
        Address[] followed, left;
        lock (_lock)
        {
            (turn, _next) = (_next, NewTurn());
            followed = [.. _changed.Where(_followed.ContainsKey)];
            left = [.. _changed.Where(c => !_followed.ContainsKey(c))];
            _changed = [];
        }

        try
        {
            foreach (var some in followed.Chunk(Batch))
            {
                await SayAsync(some, follows: true);
            }

            foreach (var some in left.Chunk(Batch))
            {
                await SayAsync(some, follows: false);
            }

            turn.SetResult();
        }
        catch (Exception e)
        {
            turn.SetException(e);
        }
    }

    private async Task SayAsync(Address[] channels, bool follows)
    {
        var id = node.Id;
        var keys = link.Keys;
        Calls++;
        RedisValue[] said = [id, keys.AllFollowers, keys.AllTops, keys.AllPresenceVersions, follows ? 1 : 0, .. channels.Select(c => (RedisValue)c.ToString())];
        var answer = (RedisResult[])(await link.RunAsync(RedisScript.Follow, [keys.Nodes, keys.Of(id, "follows")], said))!;
        if ((int)answer[0] == 0)
        {
            throw node.Lost();
        }

        if (!follows)
        {
            return;
        }

        var tops = (RedisValue[])answer[1]!;
        for (var i = 0; i < channels.Length; i++)
        {
            if (IsBehind(channels[i], RedisEntries.Top(tops[3 * i], tops[(3 * i) + 1])))
            {
                await CatchUpAsync(channels[i]);
            }

            if (IsNewer(channels[i], (long)tops[(3 * i) + 2]))
            {
                hints.MissPresence(channels[i]);
            }
        }
    }

    /// <summary>Whether something was not heard. Of a channel that is new here everything up to its top is the past, which whoever follows it reads.</summary>
    private bool IsBehind(Address channel, Position top)
    {
        lock (_lock)
        {
            if (!_followed.TryGetValue(channel, out var followed))
            {
                return false;
            }

            var isBehind = followed.Heard is { } heard && heard != top && (heard.Epoch != top.Epoch || heard.Offset < top.Offset);
            followed.Heard ??= top;
            return isBehind;
        }
    }

    /// <summary>Whether this version of a channel's presence was not heard of; it is now.</summary>
    private bool IsNewer(Address channel, long version)
    {
        lock (_lock)
        {
            if (!_followed.TryGetValue(channel, out var followed))
            {
                return false;
            }

            var isNewer = followed.Presence is { } heard && version > heard;
            followed.Presence = Math.Max(followed.Presence ?? 0, version);
            return isNewer;
        }
    }

    private async Task CatchUpAsync(Address channel)
    {
        try
        {
            var page = await ReadLast(channel);
            if (page.Entries.Count > 0)
            {
                hints.Deliver(page.Entries[0]);
            }
        }
        catch (DuplexityException e)
        {
            Log.NotCompared(logger, e);
        }
    }

    private sealed class Followed
    {
        public required Task Told { get; init; }

        public int Count { get; set; }

        public Position? Heard { get; set; }

        public long? Presence { get; set; }
    }
}
