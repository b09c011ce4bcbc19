using Duplexity.Server.Tests.Client;
using Duplexity.Server.Tests.Stress;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Senders and readers on two nodes while connections break and Redis is killed and started again: nothing with a receipt is lost, nothing comes twice, one order everywhere.</summary>
[Trait("Requirement", "3.3")]
[Trait("Guarantee", "G2")]
[Trait("Guarantee", "G9")]
public sealed class RedisStressTests
{
    public static TheoryData<int> Seeds => [1, 2, 3];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Two_nodes_with_cut_connections_and_a_killed_redis_lose_and_repeat_nothing(int seed)
    {
        await using var redis = await RedisProcess.StartAsync("--appendfsync", "always");
        await StormAsync(redis, redis.Connection, redis.Connection, seed, messages: 300, patience: TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task The_same_where_redis_is_a_fifth_of_a_second_away_and_one_of_twenty_hints_is_lost()
    {
        await using var redis = await RedisProcess.StartAsync("--appendfsync", "always");
        await using var ofA = new FaultProxy(redis.Port) { Loss = 0.05, Delay = TimeSpan.FromMilliseconds(200) };
        await using var ofB = new FaultProxy(redis.Port) { Loss = 0.05, Delay = TimeSpan.FromMilliseconds(200) };

        await StormAsync(redis, ofA.Connection, ofB.Connection, seed: 1, messages: 150, patience: TimeSpan.FromSeconds(20));

        (ofA.Lost + ofB.Lost).Should().BePositive();
    }

    private static async Task StormAsync(RedisProcess redis, string ofA, string ofB, int seed, int messages, TimeSpan patience)
    {
        var random = new Random(seed);
        var issuer = new TestIssuer();
        await using var a = await NodeAsync(ofA, issuer, "a", patience);
        await using var b = await NodeAsync(ofB, issuer, "b", patience);
        await using var lines = new Lines(a, b);
        var ears = new List<Ear>();
        foreach (var line in new[] { lines.New(0), lines.New(1), lines.New(1) })
        {
            ears.Add(new Ear(await (await lines.ConnectAsync($"reader-{ears.Count}", line)).JoinAsync("storm").Soon()));
        }

        var senders = new[] { await lines.ConnectAsync("x", lines.New(0)), await lines.ConnectAsync("y", lines.New(1)) };
        var (sends, kills) = (new List<Task<Receipt>>(), new[] { random.Next(50, 100), random.Next(150, 250) });
        for (var n = 0; n < messages; n++)
        {
            sends.Add(senders[n % 2].SendAsync(Address.Room("storm"), $"{(n % 2 == 0 ? "x" : "y")} {n / 2}"));
            if (random.Next(25) == 0)
            {
                lines.Cut(random);
            }

            if (kills.Contains(n))
            {
                await redis.KillAsync();
                await redis.StartAgainAsync();
            }

            if (random.Next(10) == 0)
            {
                await sends[^1].Soon(TestTimeout.Long);
            }
        }

        await Task.WhenAll(sends).Soon(TestTimeout.Long);
        var log = new List<string?>();
        await foreach (var message in a.Services.GetRequiredService<IDuplexity>().ReadAsync(Address.Room("storm")))
        {
            log.Add(message.Text);
        }

        foreach (var sender in new[] { "x", "y" })
        {
            log.Where(t => t!.StartsWith(sender, StringComparison.Ordinal)).Should().Equal(Enumerable.Range(0, messages / 2).Select(n => $"{sender} {n}"), "each is stored once, in its sender's order");
        }

        foreach (var ear in ears)
        {
            await ear.HeardAsync(messages);
            ear.Texts.Should().Equal(log, "there is one order");
            ear.Gaps.Should().BeEmpty();
        }
    }

    private static async Task<TestNode> NodeAsync(string connection, TestIssuer issuer, string name, TimeSpan patience)
    {
        var node = await TestNode.StartAsync(s =>
        {
            s.Issuer = issuer;
            s.Settings["Duplexity:Node:Name"] = name;
            s.Settings["Duplexity:Cluster:Key"] = RedisPair.ClusterKey;
            s.Builder = builder => builder.AddRedis(connection, o => (o.Timeout, o.Lease, o.Renewal, o.Check) = (patience, 5 * patience, TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(1)));
        });

        // A pump that meets a store which is away says so, and goes on when it is back.
        node.Logs.Expect(line => line.Exception is DuplexityException { Error.Code: 400 or 401 });
        return node;
    }

    /// <summary>Connections to two nodes through lines that can be cut.</summary>
    private sealed class Lines(params TestNode[] nodes) : IAsyncDisposable
    {
        private readonly Stack<IAsyncDisposable> _opened = new();
        private readonly List<FaultyLine> _lines = [];

        public FaultyLine New(int node)
        {
            var line = new FaultyLine(nodes[node].Port);
            _lines.Add(line);
            _opened.Push(line);
            return line;
        }

        public async Task<DuplexityConnection> ConnectAsync(string client, FaultyLine line)
        {
            var connection = new DuplexityConnection(line.Address, new DuplexityConnectionOptions
            {
                Token = _ => ValueTask.FromResult<string?>(nodes[0].Token(client)),
                SendTimeout = TestTimeout.Long,
                MaxReconnectDelay = TimeSpan.FromMilliseconds(200),
            });
            _opened.Push(connection);
            await connection.ConnectAsync().Soon();
            return connection;
        }

        public void Cut(Random random) => _lines[random.Next(_lines.Count)].Cut();

        public async ValueTask DisposeAsync()
        {
            while (_opened.TryPop(out var opened))
            {
                await opened.DisposeAsync().AsTask().Soon();
            }
        }
    }
}
