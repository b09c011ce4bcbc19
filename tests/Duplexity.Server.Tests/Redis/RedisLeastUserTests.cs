using System.Text.RegularExpressions;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>The whole specification as the Redis user that README.md shows, who may do no more than that (G18).</summary>
[Trait("Guarantee", "G18")]
public sealed partial class RedisLeastUserTests(RedisLeastUserTests.Fixture redis) : EngineSpecification, IClassFixture<RedisLeastUserTests.Fixture>
{
    private int _tests;

    [Fact]
    public async Task It_may_neither_read_nor_destroy_what_is_not_the_services()
    {
        await using var connection = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync($"{redis.Server.Connection},user=duplexity,password=secret,tieBreaker=,configChannel=");
        foreach (var forbidden in new[] { "GET other", "SET other x", "FLUSHALL", "KEYS *", "CONFIG SET maxmemory 1", "ACL LIST", "SHUTDOWN", "PUBLISH other x", "REPLICAOF NO ONE", "CLIENT KILL TYPE normal", "SCRIPT FLUSH" })
        {
            var words = forbidden.Split(' ');
            (await FluentActions.Awaiting(() => connection.GetDatabase().ExecuteAsync(words[0], [.. words[1..]])).Should().ThrowAsync<StackExchange.Redis.RedisServerException>(forbidden))
                .Which.Message.Should().Contain("permission", forbidden);
        }
    }

    private protected override async Task<EngineUnderTest> CreateAsync(FakeTimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers)
    {
        var settings = new RedisOptions { Connection = $"{redis.Server.Connection},user=duplexity,password=secret", Prefix = $"dx:t{Guid.NewGuid():n}{_tests++}" };
        var engine = new RedisEngineUnderTest(redis.Server, settings, time, options, retention, handlers);
        await engine.StartAsync();
        return engine;
    }

    /// <summary>A Redis with the user of the README.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        public RedisProcess Server { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            var shown = AclPattern().Match(await File.ReadAllTextAsync(Path.Combine(ProcessTools.Root, "README.md"))).Groups["rules"].Value;
            Server = await RedisProcess.StartAsync(["--user", "duplexity", "on", ">secret", .. shown.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        }

        public async Task DisposeAsync() => await Server.DisposeAsync();
    }

    /// <summary>The line as it stands in the README, behind the password.</summary>
    [GeneratedRegex("^user duplexity on >\\S+ (?<rules>.+)$", RegexOptions.Multiline)]
    private static partial Regex AclPattern();
}
