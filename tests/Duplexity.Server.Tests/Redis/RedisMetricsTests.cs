using Duplexity.Server.Tests.Diagnostics;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>What a node among others measures.</summary>
[Trait("Guarantee", "G8")]
public sealed class RedisMetricsTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    public async Task A_node_among_others_says_how_long_it_may_act_and_who_has_not_confirmed()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        using var measured = new Measured(pair.A.Services);

        await pair.A.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        measured.Now("duplexity.lease.left").Single().Value.Should().BePositive().And.BeLessThanOrEqualTo(24, "a fifth of thirty seconds is left out");
        measured.Now("duplexity.engine.away").Single().Value.Should().Be(0);
        measured.Now("duplexity.system_log.told").Single().Value.Should().Be(1);
        measured.Now("duplexity.system_log.unconfirmed").Should().ContainSingle();
        measured.Now("duplexity.log.size").Should().BeEmpty("the log is Redis'");
    }
}
