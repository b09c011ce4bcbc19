using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>What is left when one side dies without a word.</summary>
public sealed class SurvivalTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Requirement", "2.36")]
    [Trait("Requirement", "3.1")]
    public async Task A_client_that_dies_or_freezes_frees_its_hostname_within_the_ping_timeout(bool dies)
    {
        await using var node = await TestNode.StartAsync(setup => setup.Options = options =>
        {
            options.Times.KeepAlive = TimeSpan.FromSeconds(1);
            options.Times.ClientTimeout = TimeSpan.FromSeconds(12);
            options.Times.SessionGrace = TimeSpan.FromSeconds(2);
            options.Times.HandOver = TimeSpan.Zero;
        });
        await using var resource = new RawResource(connection => connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        await using var up = CliProcess.Start(node, "todd", "up", $"cat1={resource.Authority}");
        await up.LineAsync("ready ");
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Services.GetRequiredService<Sessions>().Ended += (_, _) =>
        {
            ended.TrySetResult();
            return Task.CompletedTask;
        };

        if (dies)
        {
            up.Kill();
        }
        else
        {
            up.Freeze();
        }

        await ended.Task.Soon(TestTimeout.Long);
        using var gone = await node.VisitAsync("cat1");
        ((int)gone.StatusCode).Should().Be(404);
        await using var next = CliProcess.Start(node, "bob", "up", $"cat1={resource.Authority}");
        await next.LineAsync("ready ");
        using var served = await node.VisitAsync("cat1");
        ((int)served.StatusCode).Should().Be(200);
    }

    [Fact]
    [Trait("Requirement", "3.6")]
    [Trait("Requirement", "2.21")]
    public async Task A_client_whose_server_is_killed_comes_back_with_it_and_serves_again()
    {
        await using var service = await RealService.StartAsync();
        await using var app = await EchoApp.StartAsync();
        var up = await service.UpAsync("todd", $"cat1=127.0.0.1:{app.Port}");
        using var visitor = service.Visitor("cat1");
        (await visitor.GetStringAsync("/app/where")).Should().StartWith("GET /app/where ");

        service.Process.Kill();
        await up.LineAsync("connection lost");
        await service.StartAgainAsync();
        await up.LineAsync("connected again");

        (await visitor.GetStringAsync("/app/where")).Should().StartWith("GET /app/where ");
    }

    [Fact]
    [Trait("Requirement", "2.34")]
    [Trait("Requirement", "2.38")]
    public async Task Control_C_takes_the_hostname_away_at_once_and_exits_130()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = new RawResource(connection => connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        await using var up = CliProcess.Start(node, "todd", "up", $"cat1={resource.Authority}");
        await up.LineAsync("ready ");

        up.SendInterrupt();

        (await up.ExitAsync()).Should().Be(130, up.Output);
        using var gone = await node.VisitAsync("cat1");
        ((int)gone.StatusCode).Should().Be(404);
    }

    [Fact]
    [Trait("Requirement", "2.15")]
    [Trait("Requirement", "2.31")]
    public async Task A_name_that_belongs_to_another_exits_6_with_the_reason()
    {
        await using var node = await TestNode.StartAsync();
        await using var todd = CliProcess.Start(node, "todd", "up", "cat1=1");
        await todd.LineAsync("ready ");

        await using var bob = CliProcess.Start(node, "bob", "up", "cat1=1");

        (await bob.ExitAsync()).Should().Be(6, bob.Output);
        bob.Output.Should().StartWith("duplexity: ");
    }

    [Fact]
    [Trait("Requirement", "2.32")]
    public async Task A_request_right_after_ready_succeeds()
    {
        await using var node = await TestNode.StartAsync();
        await using var app = await EchoApp.StartAsync();

        for (var i = 0; i < 100; i++)
        {
            await using var connection = await node.ConnectAsync("todd");
            await using var pipe = await connection.Pipes.OpenAsync($"cat{i}", $"http://127.0.0.1:{app.Port}");
            using var response = await node.VisitAsync($"cat{i}", "/app/where");
            ((int)response.StatusCode).Should().Be(200, "visit {0} came after its pipe was ready", i);
        }
    }
}
