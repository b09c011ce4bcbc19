using System.Diagnostics;
using System.Net;
using Duplexity.Server.Cluster;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>A node whose Redis is away admits nobody new, and keeps whom it has.</summary>
[Trait("Guarantee", "G8")]
public sealed class RedisAdmissionTests
{
    [Fact]
    [Trait("Requirement", "3.8")]
    public async Task While_redis_is_away_newcomers_get_503_before_the_upgrade_sockets_stay_and_on_its_return_all_goes_on()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Builder = b => b.AddRedis(redis.Connection);
            s.Settings["Duplexity:Redis:Renewal"] = "00:00:00.1";
        });
        node.Logs.Expect(line => line.Exception is DuplexityException { Error.Code: 400 or 401 });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var cleo = await StockSocket.DataAsync(node, "cleo");
        await cleo.JoinAsync("room:a");
        var health = node.Services.GetRequiredService<EngineHealth>();
        (await health.CheckHealthAsync(new HealthCheckContext())).Status.Should().Be(HealthStatus.Healthy);

        await redis.KillAsync();
        await node.Logs.WaitForAsync("Redis is away", l => l.Event.Id == 8010);
        var clock = Stopwatch.StartNew();
        foreach (var path in (string[])["control", "data", "data/carry"])
        {
            using var answer = await UpgradeAsync(node, path);
            answer.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, path);
            answer.Headers.RetryAfter!.Delta.Should().BePositive();
        }

        clock.Elapsed.Should().BeLessThan(2 * new RedisOptions().Timeout, "three that wait would take three times as long as a call may");

        (await node.Services.GetRequiredService<Duplexity.Server.Engine.IEngine>().ProbeAsync()).Should().NotBeNull();
        (await amy.SendAsync("not now", "room:a")).Error!.Name.Should().Be("unavailable");
        await redis.StartAgainAsync();
        await node.Logs.WaitForAsync("Redis is back", l => l.Event.Id == 8011);

        (await amy.SendAsync("again", "room:a")).Error.Should().BeNull();
        (await cleo.NextAsync()).Text.Should().Be("again");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        (await node.Services.GetRequiredService<Duplexity.Server.Engine.IEngine>().ProbeAsync()).Should().BeNull();
    }

    private static async Task<HttpResponseMessage> UpgradeAsync(TestNode node, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Connection", "Upgrade" }, { "Upgrade", "websocket" }, { "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" } } };
        request.Headers.Authorization = new("Bearer", node.Token("ben"));
        return await node.Http.SendAsync(request).Soon();
    }
}
