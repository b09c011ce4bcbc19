using System.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Redis;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Redis killed, frozen, started again, and started again without its last moments.</summary>
public sealed class RedisAwayTests : IAsyncLifetime
{
    private static readonly Address Lobby = Address.Room("lobby");

    private readonly RedisRig.Hearer[] _hearers = [new(), new()];
    private RedisProcess _redis = null!;
    private RedisEngineUnderTest _engine = null!;

    private IReadOnlyList<RedisEngine> Nodes => _engine.Engines;

    public async Task InitializeAsync()
    {
        // What is answered is on the disk: everysec may answer before it has written (decision 58).
        _redis = await RedisProcess.StartAsync("--appendfsync", "always");
        var (settings, options) = (new RedisOptions
        {
            Connection = _redis.Connection,
            Timeout = TimeSpan.FromSeconds(1),
            Lease = TimeSpan.FromSeconds(4),
            Renewal = TimeSpan.FromSeconds(0.2),
            Check = TimeSpan.FromSeconds(0.5),
        }, new DuplexityOptions());
        _engine = new RedisEngineUnderTest(_redis, settings, TimeProvider.System, options, new DefaultRetention(options), _hearers);
        await _engine.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _engine.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task While_redis_is_away_every_call_is_refused_at_once_and_on_its_return_all_is_as_before()
    {
        await Nodes[1].Log.FollowAsync(Lobby);
        await Nodes[1].Presence.AddAsync(Lobby, "BEN", "s2");
        var places = new[] { await AppendAsync(0, "1"), await AppendAsync(0, "2") };
        await _redis.KillAsync();
        await RefusedAsync(() => Nodes[0].Vault.TryAddAsync("k", "v", TimeSpan.FromMinutes(1)).AsTask());

        var clock = Stopwatch.StartNew();
        (await RefusedAsync(() => AppendAsync(0, "x"))).Should().Be(Errors.Unavailable.Code, "it has not left this process");
        await RefusedAsync(() => Nodes[0].Log.ReadAsync(Lobby, null, 1).AsTask());
        await RefusedAsync(() => Nodes[0].Log.FollowAsync(Address.Room("other")).AsTask());
        await RefusedAsync(() => Nodes[0].Presence.ReadAsync(Lobby).AsTask());
        await RefusedAsync(() => Nodes[0].Registry.NextGenerationAsync().AsTask());
        await RefusedAsync(() => Nodes[0].Records.PutAsync("kind", "key", "value").AsTask());
        clock.Elapsed.Should().BeLessThan(2 * new RedisOptions().Timeout, "six calls that wait would take six times as long as one may");

        await _redis.StartAgainAsync();
        var next = await AgainAsync(() => AppendAsync(0, "3"));

        next.Offset.Should().Be(3);
        next.Epoch.Should().NotBe(places[1].Epoch);
        (await Nodes[0].Log.ReadAsync(Lobby, places[0], 10)).Entries.Select(e => e.Message.Text).Should().Equal("2", "3");
        (await Nodes[0].Presence.ReadAsync(Lobby)).Members.Should().Equal(("BEN", "s2"));
        (await HeardAsync(1, "3")).Before.Should().Be(places[1]);
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G17")]
    public async Task A_start_without_the_last_moments_names_no_place_twice_and_nothing_goes_back()
    {
        await Nodes[0].Locks.StartAsync(new RecordingLockHandler());
        await Nodes[1].Log.FollowAsync(Lobby);
        var kept = new[] { await AppendAsync(0, "1"), await AppendAsync(0, "2") };
        var length = _redis.TailLength;
        var lost = new[] { await AppendAsync(0, "lost 3"), await AppendAsync(0, "lost 4"), await AppendAsync(0, "lost 5") };
        await Nodes[1].Presence.AddAsync(Lobby, "BEN", "s2");
        var generation = await Nodes[0].Registry.NextGenerationAsync();
        var token = (await Nodes[0].Locks.AcquireAsync(Ask("AMY"))).Held!.Token;
        await HeardAsync(1, "lost 5");

        await _redis.KillAsync();
        _redis.CutTail((int)(_redis.TailLength - length));
        await _redis.StartAgainAsync();
        var next = await AgainAsync(() => AppendAsync(0, "other 3"));

        next.Offset.Should().Be(lost[0].Offset);
        foreach (var place in lost)
        {
            (await AgainAsync(() => Nodes[1].Log.ReadAsync(Lobby, place, 10).AsTask())).Should().BeEquivalentTo(new { Recovered = false, Entries = Array.Empty<LogEntry>() });
        }

        (await Nodes[1].Log.ReadAsync(Lobby, kept[1], 10)).Entries.Select(e => e.Message.Text).Should().Equal("other 3");
        (await AgainAsync(() => Nodes[0].Registry.NextGenerationAsync().AsTask())).Should().BeGreaterThan(generation);
        (await AgainAsync(async () => (await Nodes[0].Locks.AcquireAsync(Ask("BEN"))).Held!)).Token.Should().BeGreaterThan(token, "the lost grant's holder may still act");
        await HeardAsync(1, "other 3");
        await AgainAsync(async () => (await Nodes[0].Presence.ReadAsync(Lobby)).Members.Single(m => m.Client == "BEN"));
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task After_a_start_without_the_last_moments_every_node_reads_again_what_it_keeps_and_hears_what_is_told_next()
    {
        var handlers = Nodes.Select(_ => new RecordingSystemHandler()).ToArray();
        for (var i = 0; i < handlers.Length; i++)
        {
            Nodes[i].SystemLog.Attach(handlers[i]);
        }

        await Nodes[0].SystemLog.TellAsync("revoked", "kept", null);
        var length = _redis.TailLength;
        await Nodes[0].SystemLog.TellAsync("revoked", "lost", null);
        await _redis.KillAsync();
        _redis.CutTail((int)(_redis.TailLength - length));
        await _redis.StartAgainAsync();

        await AgainAsync(() => Nodes[0].SystemLog.TellAsync("revoked", "next", null).AsTask());
        await AgainAsync(() => handlers.All(h => h.Missed > 0) ? Task.FromResult(true) : throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "Not yet.")));

        // A node that still puts itself back reads everything again in the place of what it is told meanwhile; nobody is ever pending.
        await AgainAsync(async () =>
        {
            var told = await Nodes[1].SystemLog.TellAsync("revoked", "last", null);
            told.Pending.Should().Be(0);
            return told.Hit == handlers.Length ? true : throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "Not yet."));
        });

        handlers.Should().OnlyContain(h => h.Told.Last().Text == "last");
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public async Task A_frozen_redis_leaves_the_outcome_unknown_and_a_repetition_stores_once()
    {
        var request = new AppendRequest(RedisRig.Message("once", Lobby), new IdempotencyKey("AMY", "laptop", 1, null, "f"));
        await AppendAsync(0, "before");
        _redis.Process.Freeze();
        (await RefusedAsync(() => Nodes[0].Log.AppendAsync(request).AsTask())).Should().Be(Errors.OutcomeUnknown.Code);
        _redis.Process.Unfreeze();

        var again = await AgainAsync(() => Nodes[0].Log.AppendAsync(request).AsTask());

        again.Positions.Should().ContainSingle().Which.Offset.Should().Be(2);
        (await AgainAsync(() => Nodes[1].Log.ReadAsync(Lobby, null, 10).AsTask())).Entries.Select(e => e.Message.Text).Should().Equal("before", "once");
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G23")]
    public async Task What_a_socket_had_that_went_while_redis_was_away_is_given_up_on_its_return()
    {
        var issuer = new TestIssuer();
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Issuer = issuer;
            s.Settings["Duplexity:Redis:Prefix"] = "gone";
            s.Options = o => (o.Times.PresenceCheck, o.Times.Vacated) = (TimeSpan.FromSeconds(0.3), TimeSpan.Zero);
            s.Builder = b => b.AddRedis(_redis.Connection, o => (o.Timeout, o.Renewal) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(0.2)));
        });
        node.Logs.Expect(line => line.Exception is DuplexityException { Error.Code: 400 or 401 });
        var engine = node.Services.GetRequiredService<IEngine>();
        var amy = await node.ConnectAsync("amy");
        await amy.JoinAsync("lobby").Soon();
        await amy.JoinAsync("kitchen").Soon();
        await AcquireAsync("ben", "elsewhere");
        (await AcquireAsync("amy", amy.SocketId)).Position.Should().Be(1);

        await _redis.KillAsync();
        await AgainAsync(() => engine.IsAway ? Task.FromResult(true) : throw new InvalidOperationException());
        await amy.DisposeAsync();
        await node.Logs.WaitForAsync("the socket is gone", line => line.Event.Name == "SocketGone");
        await _redis.StartAgainAsync();

        await AgainAsync(async () => (await engine.Presence.ReadAsync(Lobby)).Members.Count + (await engine.Presence.ReadAsync(Address.Room("kitchen"))).Members.Count == 0 ? true : throw new InvalidOperationException());
        await AgainAsync(async () => (await AcquireAsync("cid", "there")).Position == 1 ? true : throw new InvalidOperationException("Amy still stands in line."));

        Task<LockAnswer> AcquireAsync(string client, string socket) =>
            engine.Locks.AcquireAsync(new LockRequest(new("board", "card"), new(client, socket), client, TimeSpan.FromHours(1), TimeSpan.FromHours(1))).AsTask();
    }

    private static LockRequest Ask(string client) => new(new("board", "card"), new(client, client), client, TimeSpan.FromSeconds(30), TimeSpan.Zero);

    private static async Task<int> RefusedAsync(Func<Task> call)
    {
        try
        {
            await call().Soon();
        }
        catch (DuplexityException e)
        {
            return e.Error.Code;
        }
        throw new InvalidOperationException("It was not refused.");
    }

    /// <summary>As an SDK does: again, until Redis is there.</summary>
    private static async Task<T> AgainAsync<T>(Func<Task<T>> call)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (clock.Elapsed < TestTimeout.Soon && e is DuplexityException or InvalidOperationException)
            {
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    private async Task<Position> AppendAsync(int node, string text) => (await Nodes[node].Log.AppendAsync(new AppendRequest(RedisRig.Message(text, Lobby)))).Positions[0];

    private async Task<LogEntry> HeardAsync(int node, string text)
    {
        while (true)
        {
            if ((await _hearers[node].Entries.TakeAsync(1)).Single() is var entry && entry.Message.Text == text)
            {
                return entry;
            }
        }
    }
}
