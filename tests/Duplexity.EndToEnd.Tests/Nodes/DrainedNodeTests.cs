using System.Net;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>A node that gets SIGTERM under load, beside another one.</summary>
[Trait("Requirement", "3.6")]
[Trait("Guarantee", "G14")]
[Trait("Guarantee", "G21")]
public sealed class DrainedNodeTests
{
    private const int Messages = 300;

    [Fact]
    [Trait("Requirement", "2.35")]
    public Task Its_clients_and_visitors_go_on_at_the_other_one_what_was_begun_is_finished_and_it_ends_with_exit_code_0() => DrainAsync(clients: 100);

    [Fact]
    [Trait("Category", "Long")]
    public Task Five_thousand_clients_go_on_at_the_other_one() => DrainAsync(clients: 5_000, "--Duplexity:Times:Drain=00:02:00");

    private static async Task DrainAsync(int clients, params string[] further)
    {
        await using var redis = await RedisProcess.StartAsync();
        string[] settings =
        [
            $"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster", "--Duplexity:Node:Url=http://127.0.0.1:{Port}", "--Duplexity:Times:NodeNews=00:00:00.2", .. further,
        ];
        await using var a = await RealService.StartAsync(settings);
        await using var b = await a.StartBesideAsync(settings);
        await OthersKnownAsync(a);
        await using var slow = new SlowResource();
        await using var owner = a.Connection("owner");
        await using var sender = a.Connection("sender");
        await using var zoe = b.Connection("zoe");
        await Task.WhenAll(owner.ConnectAsync(), sender.ConnectAsync(), zoe.ConnectAsync()).Soon(TestTimeout.Long);
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"127.0.0.1:{slow.Port}").Soon(TestTimeout.Long);
        await using var watched = await zoe.JoinAsync("hall");
        var (connections, ears) = (new List<DuplexityConnection>(), new List<Heard> { new(watched) });
        for (var i = 0; i < clients; i++)
        {
            var connection = a.Connection($"c{i}");
            connections.Add(connection);
            await connection.ConnectAsync().Soon(TestTimeout.Long);
            ears.Add(new Heard(await connection.JoinAsync("hall").Soon(TestTimeout.Long)));
        }

        var flaps = new List<string>();
        var isFirst = new TaskCompletionSource();
        var watching = WatchAsync(watched, flaps, isFirst);
        await isFirst.Task.Soon(TestTimeout.Long);
        using var visitorOfA = a.Visitor("cat1");
        using var visitorOfB = b.Visitor("cat1");
        (await visitorOfA.GetStringAsync("/quick").Soon(TestTimeout.Long)).Should().Be("/quick");
        var begun = visitorOfA.GetStringAsync("/slow");
        await slow.Asked.Soon(TestTimeout.Long);
        using var over = new CancellationTokenSource();
        var visits = Task.WhenAll(VisitAsync(a, visitorOfA, over.Token), VisitAsync(b, visitorOfB, over.Token));

        var sends = new List<Task<Receipt>>();
        for (var n = 0; n < Messages; n++)
        {
            if (n == Messages / 3)
            {
                a.Process.SendTerminate();
            }

            sends.Add(sender.SendAsync(Address.Room("hall"), $"{n}"));
            if (n % 10 == 9)
            {
                await sends[^1].Soon(TestTimeout.Long);
            }
        }

        await Task.WhenAll(sends).Soon(TestTimeout.Long);
        await a.Process.LineAsync("is being emptied");
        await visitorOfB.GetStringAsync("/quick").Soon(TestTimeout.Long);
        slow.Answer();
        (await begun.Soon(TestTimeout.Long)).Should().Be("/slow", "it was begun before");
        (await a.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
        await over.CancelAsync();
        await visits.Soon(TestTimeout.Long);

        foreach (var ear in ears)
        {
            (await ear.TextsAsync(Messages).Soon(TestTimeout.Long)).Should().Equal(Enumerable.Range(0, Messages).Select(n => $"{n}"));
            ear.HasNothing.Should().BeTrue();
        }

        await using var last = b.Connection("last");
        await last.ConnectAsync().Soon(TestTimeout.Long);
        await using var mark = await last.JoinAsync("hall").Soon(TestTimeout.Long);
        await watching.Soon(TestTimeout.Long);
        flaps.Should().Equal("+last");
        a.Process.Output.Should().Contain(" 0 connections had to be closed");
        foreach (var connection in connections)
        {
            await connection.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_node_alone_ends_at_once_with_exit_code_0()
    {
        await using var service = await RealService.StartAsync();
        await using var amy = service.Connection("amy");
        await amy.ConnectAsync().Soon(TestTimeout.Long);

        service.Process.SendTerminate();

        (await service.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
        service.Process.Output.Should().NotContain("is being emptied");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(60)]
    [InlineData(150)]
    [InlineData(400)]
    public async Task Wherever_in_it_the_node_stands_still_visitors_elsewhere_are_served_by_one_session_again_without_it(int afterMs)
    {
        await using var redis = await RedisProcess.StartAsync();
        string[] settings =
        [
            $"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Redis:Lease=00:00:04", "--Duplexity:Redis:Renewal=00:00:00.2", "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster",
            "--Duplexity:Node:Url=http://127.0.0.1:{Port}", "--Duplexity:Times:NodeNews=00:00:00.2",
        ];
        await using var a = await RealService.StartAsync(settings);
        await using var b = await a.StartBesideAsync(settings);
        await OthersKnownAsync(a);
        await using var resource = new PathResource();
        await using var owner = a.Connection("owner");
        await owner.ConnectAsync().Soon(TestTimeout.Long);
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}").Soon(TestTimeout.Long);
        using var visitor = b.Visitor("cat1");
        (await visitor.GetStringAsync("/before").Soon(TestTimeout.Long)).Should().Be("/before");

        a.Process.SendTerminate();
        await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(afterMs));
        a.Process.Freeze();
        await ServedAsync(visitor, "/meanwhile").Soon(TestTimeout.Long);
        a.Process.Unfreeze();

        (await a.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
        await ServedAsync(visitor, "/after").Soon(TestTimeout.Long);
        (await owner.Pipes.ListAsync().Soon(TestTimeout.Long)).Should().ContainSingle().Which.State.Should().Be("serving");
    }

    /// <summary>Asks until it is answered by the resource; in between there are only answers that say that nobody is there, or that another node is to be asked.</summary>
    private static async Task ServedAsync(HttpClient visitor, string path)
    {
        while (true)
        {
            using var answer = await visitor.GetAsync(path);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                (await answer.Content.ReadAsStringAsync()).Should().Be(path);
                return;
            }

            answer.StatusCode.Should().BeOneOf(HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable, HttpStatusCode.GatewayTimeout);
        }
    }

    /// <summary>The first node has to have looked once since the second one came.</summary>
    private static async Task OthersKnownAsync(RealService a)
    {
        using var root = new HttpClient { BaseAddress = a.Address, DefaultRequestHeaders = { Authorization = new("Bearer", a.Token("root", ("role", "admin"))) } };
        while ((await root.GetStringAsync("api/nodes").Soon()).Split("\"name\"").Length < 3)
        {
            await Task.Yield();
        }
    }

    private static async Task<bool> IsReadyAsync(HttpClient probe)
    {
        try
        {
            using var ready = await probe.GetAsync("health/ready", CancellationToken.None);
            return ready.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false; // it is gone
        }
    }

    /// <summary>As a load balancer would have it: a node that is not ready gets no further request.</summary>
    private static async Task VisitAsync(RealService node, HttpClient visitor, CancellationToken over)
    {
        using var probe = new HttpClient { BaseAddress = node.Address };
        for (var n = 0; !over.IsCancellationRequested; n++)
        {
            if (!await IsReadyAsync(probe))
            {
                return;
            }

            (await visitor.GetStringAsync($"/{n}", CancellationToken.None)).Should().Be($"/{n}");
        }
    }

    private static async Task WatchAsync(Room room, List<string> flaps, TaskCompletionSource isFirst)
    {
        await foreach (var change in room.WatchPresenceAsync())
        {
            if (!isFirst.TrySetResult())
            {
                flaps.AddRange([.. change.Arrived.Select(c => "+" + c), .. change.Gone.Select(c => "-" + c)]);
                if (flaps.Contains("+last"))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Answers with the path: <c>/slow</c> when it is told to, everything else at once.</summary>
    private sealed class SlowResource : IAsyncDisposable
    {
        private readonly PathResource _resource;
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public SlowResource() => _resource = new PathResource(async path =>
        {
            if (path == "/slow")
            {
                _asked.TrySetResult();
                await _answer.Task;
            }
        });

        public int Port => _resource.Port;

        public Task Asked => _asked.Task;

        public void Answer() => _answer.TrySetResult();

        public ValueTask DisposeAsync() => _resource.DisposeAsync();
    }
}
