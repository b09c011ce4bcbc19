using Duplexity.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>One Redis for the tests of a class; each test has keys of its own.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    private int _tests;

    /// <summary>The server.</summary>
    public RedisProcess Server { get; private set; } = null!;

    /// <summary>A prefix that no other test has.</summary>
    public string NextPrefix() => $"dx:t{Interlocked.Increment(ref _tests)}";

    public async Task InitializeAsync() => Server = await RedisProcess.StartAsync();

    public async Task DisposeAsync() => await Server.DisposeAsync();
}
