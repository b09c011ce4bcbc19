using Duplexity.Server.Engine;
using Duplexity.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two nodes on a real Redis keep every engine's promises.</summary>
public sealed class RedisEngineTests(RedisFixture redis) : EngineSpecification, IClassFixture<RedisFixture>
{
    private protected override async Task<EngineUnderTest> CreateAsync(FakeTimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers)
    {
        var engine = new RedisEngineUnderTest(redis.Server, new RedisOptions { Connection = redis.Server.Connection, Prefix = redis.NextPrefix() }, time, options, retention, handlers);
        await engine.StartAsync();
        return engine;
    }
}
