using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>
/// One storm over two nodes, senders and readers at both, while nodes and stores are killed, stand still and lose what they had: what has a receipt is there, within what the store's settings promise, in one order, and no handler has anything twice.
/// </summary>
[Trait("Requirement", "3.5")]
[Trait("Requirement", "3.8")]
[Trait("Guarantee", "G2")]
[Trait("Guarantee", "G3")]
[Trait("Guarantee", "G4")]
[Trait("Guarantee", "G16")]
public sealed class FaultyStormTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    [Fact]
    public Task A_node_killed_a_node_frozen_redis_killed_and_redis_without_its_tail() => PlainAsync(frozen: 1.5 * Lease);

    [Fact]
    [Trait("Category", "Long")]
    public Task The_same_with_a_node_that_stands_still_for_forty_seconds() => PlainAsync(frozen: TimeSpan.FromSeconds(40));

    [Fact]
    public async Task A_failover_that_loses_nothing_and_one_to_a_replica_that_was_cut_off()
    {
        await using var redis = await RedisProcess.StartAsync("--appendfsync", "always");
        await using var replica = await redis.StartReplicaAsync();
        await using var sentinel = await SentinelProcess.StartAsync(redis.Port);
        await using var storm = await Storm.StartAsync($"127.0.0.1:{sentinel.Port},serviceName=service", $"127.0.0.1:{sentinel.Port},serviceName=service");

        await storm.BlowAsync(async () =>
        {
            await redis.SyncAsync();
            await redis.KillAsync();
            await sentinel.Process.LineAsync("+switch-master");
        });

        // The old primary comes back as the replica of the new one, is cut off, and has to take over without what was stored meanwhile.
        await redis.StartAgainAsync();
        await sentinel.Process.LineAsync("+convert-to-slave");
        await replica.SyncAsync();
        redis.Process.Freeze();
        await CutOffAsync(replica);
        await storm.BlowAsync();
        await replica.KillAsync();
        redis.Process.Unfreeze();
        storm.MayLoseSince(storm.Sent - Storm.OfABlow);
        await storm.BlowAsync();

        await storm.CheckAsync(redis.Connection);
    }

    /// <summary>A replica that stands still gets nothing more: what its socket held would still be read.</summary>
    private static async Task CutOffAsync(RedisProcess primary)
    {
        await using var admin = await primary.ConnectAsync();
        await admin.GetServers()[0].ExecuteAsync("CLIENT", "KILL", "TYPE", "replica");
    }

    private static async Task PlainAsync(TimeSpan frozen)
    {
        await using var redis = await RedisProcess.StartAsync("--appendfsync", "always");
        await using var ofA = new FaultProxy(redis.Port) { Loss = 0.05, Delay = TimeSpan.FromMilliseconds(5) };
        await using var ofB = new FaultProxy(redis.Port) { Loss = 0.05, Delay = TimeSpan.FromMilliseconds(5) };
        await using var storm = await Storm.StartAsync(ofA.Connection, ofB.Connection);

        await storm.BlowAsync(async () =>
        {
            storm.B.Process.Kill();
            await storm.B.Process.ExitAsync();
            await storm.B.StartAgainAsync();
        });
        await storm.BlowAsync(async () =>
        {
            storm.A.Process.Freeze();
            await Wait.InSilenceAsync(frozen);
            storm.A.Process.Unfreeze();
        });
        await storm.BlowAsync(async () =>
        {
            await redis.KillAsync();
            await redis.StartAgainAsync();
        });
        await storm.HeardAsync();
        await storm.BlowAsync();
        await redis.KillAsync();
        redis.CutTail(20_000);
        storm.MayLoseSince(storm.Sent - Storm.OfABlow);
        await redis.StartAgainAsync();
        await storm.BlowAsync();

        await storm.CheckAsync(redis.Connection);
    }

    private sealed class Storm : IAsyncDisposable
    {
        /// <summary>How many messages each sender sends in a blow.</summary>
        public const int OfABlow = 40;

        private static readonly Address Room = Address.Room("storm");
        private readonly List<DuplexityConnection> _connections = [];
        private readonly List<Reader> _readers = [];
        private readonly List<DuplexityConnection> _senders = [];
        private int _mayBeLostFrom = int.MaxValue;
        private int _mayBeLostTo;

        private Storm(RealService a, RealService b) => (A, B) = (a, b);

        public RealService A { get; }

        public RealService B { get; }

        /// <summary>How many messages each sender has sent.</summary>
        public int Sent { get; private set; }

        public static async Task<Storm> StartAsync(string redisOfA, string redisOfB)
        {
            string[] Settings(string name, string redis) =>
            [
                $"--Duplexity:Redis:Connection={redis}", $"--Duplexity:Redis:Lease={Lease}", "--Duplexity:Redis:Renewal=00:00:00.2", "--Duplexity:Redis:Check=00:00:00.5", "--Duplexity:Redis:Timeout=00:00:02",
                "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster", $"--Duplexity:Node:Name={name}",
            ];
            var a = await RealService.StartAsync(Settings("a", redisOfA));
            var storm = new Storm(a, await a.StartBesideAsync(Settings("b", redisOfB)));
            foreach (var (node, n) in new[] { a, storm.B }.Select((node, n) => (node, n)))
            {
                storm._readers.Add(new Reader(await (await storm.ConnectAsync(node, $"reader{n}")).JoinAsync("storm").Soon(TestTimeout.Long)));
                storm._senders.Add(await storm.ConnectAsync(node, $"sender{n}"));
            }

            return storm;
        }

        /// <summary>Every sender sends, all at once and in order, and in the middle of it something happens; completes when all have their receipts.</summary>
        public async Task BlowAsync(Func<Task>? meanwhile = null)
        {
            var first = Blow(OfABlow / 2);
            await Task.WhenAny(first);
            var fault = meanwhile?.Invoke() ?? Task.CompletedTask;
            var second = Blow(OfABlow / 2);
            await fault.Soon(TestTimeout.Long);
            var receipts = await Task.WhenAll([.. first, .. second]).Soon(TestTimeout.Long);
            receipts.Should().OnlyContain(r => r.Complete);
        }

        /// <summary>What was sent since may be lost by what is done to the store now, as its settings say.</summary>
        public void MayLoseSince(int from) => (_mayBeLostFrom, _mayBeLostTo) = (from, Sent);

        /// <summary>Every reader has heard everything by now.</summary>
        public async Task HeardAsync()
        {
            foreach (var reader in _readers)
            {
                await UntilAsync(() => reader.Texts.Count >= _senders.Count * Sent);
            }
        }

        public async Task CheckAsync(string redis)
        {
            foreach (var reader in _readers)
            {
                await UntilAsync(() => _senders.Select((_, s) => $"{s} {Sent - 1}").All(reader.Texts.Contains));
            }

            var log = await LogAsync();
            log.Should().OnlyHaveUniqueItems();
            var allLost = 0;
            for (var s = 0; s < _senders.Count; s++)
            {
                var stored = log.Where(t => t.StartsWith($"{s} ", StringComparison.Ordinal)).Select(t => int.Parse(t.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
                stored.Should().BeInAscendingOrder();
                var lost = Enumerable.Range(0, Sent).Except(stored).ToArray();
                lost.Where(n => n < _mayBeLostFrom || n >= _mayBeLostTo).Should().BeEmpty("nothing else with a receipt is lost");
                allLost += lost.Length;
            }

            allLost.Should().BePositive("the store has lost what came last");

            foreach (var reader in _readers)
            {
                reader.Texts.Should().OnlyHaveUniqueItems();
                reader.Texts.Where(log.Contains).Should().Equal(log, "there is one order, and what is stored was heard");
            }

            await IsEmptyAsync(redis);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in _connections)
            {
                await connection.DisposeAsync();
            }

            await B.DisposeAsync();
            await A.DisposeAsync();
        }

        private async Task<List<string>> LogAsync()
        {
            await ReadyAsync(A);
            await using var late = await ConnectAsync(A, "late");
            await using var room = await late.JoinAsync("storm").Soon(TestTimeout.Long);
            var log = new List<string>();
            await foreach (var message in room.HistoryAsync())
            {
                log.Add(message.Text!);
            }

            return log;
        }

        /// <summary>Receipts may be back before the node has renewed its lease: until then it takes nobody new.</summary>
        private static async Task ReadyAsync(RealService node)
        {
            using var http = new HttpClient { BaseAddress = node.Address };
            for (var began = Environment.TickCount64; ; await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(50)))
            {
                using var answer = await http.GetAsync("health/ready");
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }

                (Environment.TickCount64 - began).Should().BeLessThan((long)TestTimeout.Long.TotalMilliseconds, await answer.Content.ReadAsStringAsync());
            }
        }

        private async Task UntilAsync(Func<bool> isSo)
        {
            for (var began = Environment.TickCount64; !isSo(); await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(10)))
            {
                if (Environment.TickCount64 - began > TestTimeout.Long.TotalMilliseconds)
                {
                    var log = await LogAsync();
                    throw new TimeoutException($"The log has {log.Count}: {string.Join(", ", log)}. Heard {string.Join("; ", _readers.Select(r => $"{r.Texts.Count}, the last {string.Join(", ", r.Texts.TakeLast(4))}"))}.\nA:\n{A.AllOutput}\nB:\n{B.AllOutput}");
                }
            }
        }

        private Task<Receipt>[] Blow(int count)
        {
            var sends = Enumerable.Range(Sent, count).SelectMany(n => _senders.Select((sender, s) => sender.SendAsync(Room, $"{s} {n}"))).ToArray();
            Sent += count;
            return sends;
        }

        private async Task<DuplexityConnection> ConnectAsync(RealService node, string client)
        {
            var connection = node.Connection(client);
            _connections.Add(connection);
            await connection.ConnectAsync().Soon(TestTimeout.Long);
            return connection;
        }

        /// <summary>When everybody has left and both nodes have ended in order, Redis has nothing of anybody who was here, the killed lives included.</summary>
        private async Task IsEmptyAsync(string redis)
        {
            foreach (var connection in _connections)
            {
                await connection.DisposeAsync();
            }

            await using var admin = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(redis);
            string[] Left() => [.. new[] { "presence:*", "pipes*", "socket-places:*", "lock-places:*", "lock:*", "line:*" }.SelectMany(p => admin.GetServers()[0].Keys(pattern: $"dx:1:{p}")).Select(k => $"{k}")];
            while (Left().Length > 0)
            {
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(50));
            }

            B.Process.SendTerminate();
            (await B.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
            A.Process.SendTerminate();
            (await A.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
            string[] OfNodes() => [.. admin.GetServers()[0].Keys(pattern: "dx:1:of:*").Concat(admin.GetServers()[0].Keys(pattern: "dx:1:followers:*")).Select(k => $"{k}")];
            OfNodes().Should().BeEmpty();
        }
    }

    private sealed class Reader
    {
        private readonly Lock _lock = new();
        private readonly List<string> _texts = [];

        public Reader(Subscription room) => room.OnMessage((message, _) =>
        {
            lock (_lock)
            {
                _texts.Add(message.Text!);
            }

            return ValueTask.CompletedTask;
        });

        public IReadOnlyList<string> Texts
        {
            get
            {
                lock (_lock)
                {
                    return [.. _texts];
                }
            }
        }
    }
}
