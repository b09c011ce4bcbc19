using System.Net;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Visitors of a node that does not reach its Redis.</summary>
[Trait("Requirement", "3.11")]
[Trait("Guarantee", "G8")]
public sealed class RedisStreamsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_they_have_begun_is_cut_after_a_lease_unless_the_operator_keeps_it(bool isKept)
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var node = await NodeAsync(redis, s =>
        {
            s.TcpPorts = 1;
            s.Settings["Duplexity:Redis:Lease"] = "00:00:02";
            s.Settings["Duplexity:Pipes:KeepStreams"] = $"{isKept}";
        });
        await using var resource = new RawResource(async c =>
        {
            while (await c.ReadLineAsync() is { } line)
            {
                await c.SendAsync($"{line}\r\n");
            }
        });
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync(":", $"tcp://127.0.0.1:{resource.Port}");
        await using var visitor = await RawVisitor.ConnectAsync(pipe.Url.Port);
        await visitor.SendAsync("before\r\n");
        (await visitor.ReadLineAsync()).Should().Be("before");

        await redis.KillAsync();
        var lease = node.Services.GetRequiredService<IEngine>().Lease!;
        while (!lease.IsOver)
        {
            await Wait.InSilenceAsync(lease.Left + TimeSpan.FromMilliseconds(1));
        }

        var after = await Record.ExceptionAsync(async () =>
        {
            await visitor.SendAsync("after\r\n");
            (await visitor.ReadLineAsync()).Should().Be("after");
        });

        (after is null).Should().Be(isKept, $"{after}");
    }

    [Fact]
    [Trait("Requirement", "2.20")]
    public async Task A_name_that_is_not_known_already_is_answered_503_with_a_time_to_come_back()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var node = await NodeAsync(redis);
        await redis.KillAsync();
        await node.Logs.WaitForAsync("Redis is away", l => l.Event.Id == 8010);

        using var answer = await node.VisitAsync("cat1").Soon();

        answer.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter!.Delta.Should().BePositive();
        (await answer.Content.ReadAsStringAsync()).Should().NotContain("cat1");
    }

    private static Task<TestNode> NodeAsync(RedisProcess redis, Action<TestNodeSetup>? configure = null) => TestNode.StartAsync(s =>
    {
        s.Builder = b => b.AddRedis(redis.Connection);
        s.Settings["Duplexity:Redis:Renewal"] = "00:00:00.1";
        configure?.Invoke(s);
    });
}
