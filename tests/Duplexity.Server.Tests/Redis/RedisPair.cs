using Duplexity.Testing;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two whole nodes on one Redis; they trust the same issuer.</summary>
internal sealed class RedisPair : IAsyncDisposable
{
    private readonly RedisFixture _redis;
    private readonly TestIssuer _issuer = new();
    private readonly string _prefix;

    private readonly Action<TestNodeSetup>? _configure;

    private RedisPair(RedisFixture redis, Action<TestNodeSetup>? configure) => (_redis, _prefix, _configure) = (redis, redis.NextPrefix(), configure);

    public TestNode A { get; private set; } = null!;

    public TestNode B { get; private set; } = null!;

    /// <summary>Starts both; B reaches Redis by <paramref name="connection"/>, where it is given. <paramref name="configure"/> has the last word about every node.</summary>
    public static async Task<RedisPair> StartAsync(RedisFixture redis, string? connection = null, Action<TestNodeSetup>? configure = null)
    {
        var pair = new RedisPair(redis, configure);
        pair.A = await pair.NodeAsync("a");
        pair.B = await pair.NodeAsync("b", connection);
        return pair;
    }

    /// <summary>Starts another one.</summary>
    public Task<TestNode> NodeAsync(string name, string? connection = null) => TestNode.StartAsync(s =>
    {
        s.Issuer = _issuer;
        s.Settings["Duplexity:Node:Name"] = name;
        s.Settings["Duplexity:Redis:Prefix"] = _prefix;
        s.Builder = b => b.AddRedis(connection ?? _redis.Server.Connection);
        s.Options = o => o.Times.Vacated = TimeSpan.Zero;
        _configure?.Invoke(s);
    });

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync();
        await B.DisposeAsync();
    }
}
