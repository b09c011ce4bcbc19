using System.Collections.Concurrent;
using System.Net;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>Several programs that serve one name, and private pipes, with the real service and the real command line.</summary>
public sealed class SharedNamesTests
{
    private const int Visitors = 8;
    private const int Visits = 100;

    [Fact]
    [Trait("Requirement", "3.6")]
    [Trait("Guarantee", "G12")]
    public async Task Of_two_programs_of_one_name_one_is_killed_under_load_and_only_its_visitors_of_that_moment_notice()
    {
        await using var service = await RealService.StartAsync();
        await using var first = Site("first");
        await using var second = Site("second");
        var killed = await service.UpAsync("todd", "--share", $"cat1=http://{first.Authority}");
        await service.UpAsync("todd", "--share", $"cat1=http://{second.Authority}");
        using var visitor = service.Visitor("cat1");
        var (answers, done, failed) = (new ConcurrentDictionary<string, int>(), 0, new ConcurrentBag<HttpStatusCode>());

        await Task.WhenAll(Enumerable.Range(0, Visitors).Select(async _ =>
        {
            for (var i = 0; i < Visits; i++)
            {
                using var answer = await visitor.GetAsync("");
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    answers.AddOrUpdate(await answer.Content.ReadAsStringAsync(), 1, (_, n) => n + 1);
                }
                else
                {
                    failed.Add(answer.StatusCode);
                }

                if (Interlocked.Increment(ref done) == Visitors * Visits / 2)
                {
                    killed.Kill();
                }
            }
        })).Soon(TestTimeout.Long);

        failed.Should().HaveCountLessThanOrEqualTo(Visitors, "each visitor had one request under way").And.OnlyContain(s => s == HttpStatusCode.BadGateway);
        answers.Keys.Should().BeEquivalentTo("first", "second");
        answers["second"].Should().BeGreaterThan(Visitors * Visits / 2);
        for (var i = 0; i < 20; i++)
        {
            (await visitor.GetStringAsync("")).Should().Be("second");
        }
    }

    [Fact]
    [Trait("Requirement", "3.6")]
    public async Task A_program_that_has_frozen_is_passed_over_once_its_health_check_is_not_answered_and_comes_back()
    {
        await using var service = await RealService.StartAsync("--Duplexity:Times:HealthCheck=00:00:04");
        await using var first = Site("first");
        await using var second = Site("second");
        var frozen = await service.UpAsync("todd", "--share", "--health", "/", $"cat1=http://{first.Authority}");
        await service.UpAsync("todd", "--share", "--health", "/", $"cat1=http://{second.Authority}");
        using var visitor = service.Visitor("cat1");
        string[] both = [await visitor.GetStringAsync(""), await visitor.GetStringAsync("")];
        both.Should().BeEquivalentTo("first", "second");

        frozen.Freeze();
        await service.Process.LineAsync("does not answer its health check", TestTimeout.Long);
        for (var i = 0; i < 20; i++)
        {
            (await visitor.GetStringAsync("")).Should().Be("second");
        }

        frozen.Unfreeze();
        await service.Process.LineAsync("answers its health check again", TestTimeout.Long);
        string[] again = [await visitor.GetStringAsync(""), await visitor.GetStringAsync("")];
        again.Should().BeEquivalentTo("first", "second");
    }

    [Fact]
    [Trait("Requirement", "2.35")]
    public async Task A_program_of_a_shared_name_that_is_asked_to_stop_finishes_what_it_began()
    {
        await using var service = await RealService.StartAsync();
        await using var slow = new RawResource();
        await using var other = Site("other");
        var leaves = await service.UpAsync("todd", "--share", $"cat1=http://{slow.Authority}");
        using var visitor = service.Visitor("cat1");
        var last = visitor.GetStringAsync("");
        await using var held = await slow.AcceptAsync(TestTimeout.Long);
        await held.ReadHeadAsync();
        await service.UpAsync("todd", "--share", $"cat1=http://{other.Authority}");

        leaves.SendInterrupt();
        for (var i = 0; i < 5; i++)
        {
            (await visitor.GetStringAsync("").Soon(TestTimeout.Long)).Should().Be("other");
        }

        await held.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast");
        (await last.Soon(TestTimeout.Long)).Should().Be("last");
        (await leaves.ExitAsync(TestTimeout.Long)).Should().Be(130);
    }

    [Fact]
    [Trait("Requirement", "3.2")]
    public async Task A_private_redis_is_reached_by_dial_until_its_owner_is_killed()
    {
        await using var service = await RealService.StartAsync();
        await using var redis = await RedisProcess.StartAsync();
        var up = await service.UpAsync("todd", "--private", "--visitors", "client:amy", $"db={redis.Connection}");
        up.Output.Should().Contain("ready todd/db (private: duplexity dial todd/db)");
        var port = FreePorts.One();
        var dial = service.Cli("amy", "dial", "todd/db", "--port", $"{port}");
        (await dial.LineAsync("ready ", TestTimeout.Long)).Should().Be($"ready localhost:{port}");

        await using var one = await RawVisitor.ConnectAsync(port);
        await using var two = await RawVisitor.ConnectAsync(port);
        foreach (var client in (RawVisitor[])[one, two, one])
        {
            await client.SendAsync("PING\r\n");
            (await client.ReadLineAsync(TestTimeout.Long)).Should().Be("+PONG");
        }

        await two.SendAsync("QUIT\r\n");
        (await two.ReadToEndAsync(TestTimeout.Long)).Should().Be("+OK\r\n");
        var stranger = service.Cli("ben", "dial", "todd/db");
        (await stranger.ExitAsync(TestTimeout.Long)).Should().Be(5, stranger.Output);
        up.Kill();

        var end = async () => await one.ReadToEndAsync(TestTimeout.Long);
        await end.Should().ThrowAsync<Exception>("a reset is no end in order");
        dial.SendInterrupt();
        (await dial.ExitAsync(TestTimeout.Long)).Should().Be(130);
    }

    private static RawResource Site(string name) => new(async connection =>
    {
        while (true)
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {name.Length}\r\n\r\n{name}");
        }
    });
}
