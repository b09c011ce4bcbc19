using Duplexity.Server.Cluster;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two whole nodes on one Redis; they trust the same issuer.</summary>
internal sealed class RedisPair : IAsyncDisposable
{
    private readonly RedisFixture _redis;
    private readonly TestIssuer _issuer = new();
    private readonly string _prefix;

    private readonly Action<TestNodeSetup, string>? _configure;

    private RedisPair(RedisFixture redis, Action<TestNodeSetup, string>? configure) => (_redis, _prefix, _configure) = (redis, redis.NextPrefix(), configure);

    /// <summary>What the nodes prove themselves with.</summary>
    public const string ClusterKey = "a key of the tests, long enough for a cluster";

    public TestNode A { get; private set; } = null!;

    public TestNode B { get; private set; } = null!;

    /// <summary>Starts both (or, with 0 <paramref name="nodes"/>, none); B reaches Redis by <paramref name="connection"/>, where it is given; <paramref name="configure"/> has a last word on each by its name.</summary>
    public static async Task<RedisPair> StartAsync(RedisFixture redis, string? connection = null, Action<TestNodeSetup, string>? configure = null, int nodes = 2)
    {
        var pair = new RedisPair(redis, configure);
        if (nodes == 2)
        {
            pair.A = await pair.NodeAsync("a");
            pair.B = await pair.NodeAsync("b", connection);
            await pair.B.Services.GetRequiredService<NodeBook>().RoundAsync(CancellationToken.None);
            await pair.A.Services.GetRequiredService<NodeBook>().RoundAsync(CancellationToken.None);
        }

        return pair;
    }

    /// <summary>Starts another one.</summary>
    public Task<TestNode> NodeAsync(string name, string? connection = null, Action<TestNodeSetup>? configure = null) => TestNode.StartAsync(s =>
    {
        s.Issuer = _issuer;
        s.Settings["Duplexity:Node:Name"] = name;
        s.Settings["Duplexity:Redis:Prefix"] = _prefix;
        s.Settings["Duplexity:Cluster:Key"] = ClusterKey;
        s.Builder = b => b.AddRedis(connection ?? _redis.Server.Connection);
        s.Options = o => (o.Times.Vacated, o.Times.Confirm) = (TimeSpan.Zero, TestTimeout.Soon);
        _configure?.Invoke(s, name);
        configure?.Invoke(s);
    });

    public async ValueTask DisposeAsync()
    {
        if (A is not null)
        {
            await A.DisposeAsync();
            await B.DisposeAsync();
        }
    }
}
