using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Stress;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>A node that empties itself: its clients go to another one, and nobody notices.</summary>
[Trait("Requirement", "3.6")]
[Trait("Guarantee", "G14")]
[Trait("Guarantee", "G21")]
public sealed class RedisDrainTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private const int Messages = 400;

    private const int Senders = 4;

    [Fact]
    public async Task A_node_that_is_emptied_is_not_ready_tells_its_clients_where_to_go_lets_nobody_new_in_and_closes_who_stays()
    {
        await using var pair = await StartAsync(o => o.Times.Drain = TimeSpan.FromSeconds(2));
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await using var hers = await StockSocket.DataAsync(pair.A, "amy", query: $"?session={SessionOf(pair.A, "amy")}");
        foreach (var data in new[] { ben, hers })
        {
            // Once it is answered, the node has taken the connection.
            (await data.JoinAsync("room:hall")).Error.Should().BeNull();
        }

        var (toAmy, toBen, toHers) = (amy.Hear<DrainingEvent>("Draining"), ben.Hear<DrainingEvent>("Draining"), hers.Hear<DrainingEvent>("Draining"));
        (await HealthAsync(pair.A)).Should().Be(HealthStatus.Healthy);
        pair.A.Logs.Expect(line => line.ToString().Contains("Health check duplexity with status Unhealthy", StringComparison.Ordinal));

        var draining = Duplexity(pair.A).DrainAsync();

        (await HealthAsync(pair.A)).Should().Be(HealthStatus.Unhealthy);
        (await toAmy.ReadAsync().AsTask().Soon()).Uri.Should().Be(pair.B.Address.AbsoluteUri);
        (await toBen.ReadAsync().AsTask().Soon()).Uri.Should().Be(pair.B.Address.AbsoluteUri);
        foreach (var hub in (string[])["control", "data"])
        {
            using var refused = await UpgradeAsync(pair.A, hub);
            refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
            refused.Headers.RetryAfter.Should().NotBeNull();
        }

        foreach (var socket in new[] { amy, ben, hers })
        {
            (await socket.Disconnected).Should().BeEquivalentTo(new { Code = 510, Retry = "elsewhere" });
        }

        toHers.TryRead(out _).Should().BeFalse("its session was told on control");
        await draining.Soon(TestTimeout.Long);
        await RoundAsync(pair.B);
        Book(pair.B).Others.Should().ContainSingle().Which.IsDraining.Should().BeTrue();
        (await HealthAsync(pair.B)).Should().Be(HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_node_alone_is_not_emptied_and_one_whose_others_have_gone_takes_clients_again()
    {
        await using var pair = await StartAsync();
        await Duplexity(pair.A).DrainAsync().Soon();
        Book(pair.A).SendsAway.Should().BeTrue();
        await RoundAsync(pair.B);
        await Duplexity(pair.B).DrainAsync().Soon();
        Book(pair.B).Self.IsDraining.Should().BeFalse("nobody else takes its clients");

        await pair.B.DisposeAsync();
        await RoundAsync(pair.A);

        await using var amy = await StockSocket.DataAsync(pair.A, "amy");
        amy.Id.Should().NotBeEmpty();
    }

    [Fact]
    public async Task An_administrator_sees_the_nodes_and_has_one_emptied_from_another_and_nobody_else_does()
    {
        await using var pair = await StartAsync();
        using var amys = Api(pair.A, pair.A.Token("amy"));
        using var roots = Api(pair.A, pair.A.Token("root", null, ("role", "admin")));
        (await amys.GetAsync("api/nodes").Soon()).StatusCode.Should().Be(HttpStatusCode.Forbidden);
        (await amys.PostAsync("api/nodes/b/drain", null).Soon()).StatusCode.Should().Be(HttpStatusCode.Forbidden);
        (await roots.PostAsync("api/nodes/c/drain", null).Soon()).StatusCode.Should().Be(HttpStatusCode.Forbidden, "there is none of that name");
        (await NodesAsync(roots)).Should().Equal("a False", "b False");

        (await roots.PostAsync("api/nodes/b/drain", null).Soon()).StatusCode.Should().Be(HttpStatusCode.OK);

        Book(pair.B).Self.IsDraining.Should().BeTrue();
        await RoundAsync(pair.A);
        (await NodesAsync(roots)).Should().Equal("a False", "b True");
        (await roots.PostAsync("api/nodes/a/drain", null).Soon()).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "nobody else takes its clients");
    }

    [Fact]
    [Trait("Requirement", "2.35")]
    [Trait("Guarantee", "G9")]
    [Trait("Guarantee", "G16")]
    public async Task Clients_of_a_node_that_is_emptied_under_load_lose_and_repeat_nothing_do_not_leave_their_rooms_and_their_visitors_are_served()
    {
        await using var pair = await StartAsync();
        await using var resource = Resource();
        await using var zoe = await pair.B.ConnectAsync("zoe");
        await using var watched = await zoe.JoinAsync("storm");
        var connections = new List<DuplexityConnection>();
        var states = new ConcurrentBag<ConnectionState>();
        var ears = new List<Ear> { new(watched) };
        for (var i = 0; i < 20; i++)
        {
            var connection = await pair.A.ConnectAsync($"c{i}", o => o with { SendTimeout = TestTimeout.Long });
            connection.StateChanged += change => states.Add(change.Current);
            connections.Add(connection);
            var room = await connection.JoinAsync("storm").Soon();
            if (i >= Senders)
            {
                // Who sends does not hear itself.
                ears.Add(new Ear(room));
            }
        }

        await using var pipe = await connections[0].Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        var (flaps, isFirst) = (new ConcurrentQueue<string>(), new TaskCompletionSource());
        var watching = WatchAsync(watched, flaps, isFirst);
        await isFirst.Task.Soon();
        using var over = new CancellationTokenSource();
        Task<int>[] visitors = [VisitAsync(pair.A, over.Token), VisitAsync(pair.B, over.Token)];

        var sends = new List<Task<Receipt>>();
        var draining = Task.CompletedTask;
        for (var n = 0; n < Messages; n++)
        {
            draining = n == Messages / 4 ? Duplexity(pair.A).DrainAsync() : draining;
            sends.Add(connections[n % Senders].SendAsync(Address.Room("storm"), $"{n % Senders} {n / Senders}"));
            if (n % 10 == 9)
            {
                await sends[^1].Soon(TestTimeout.Long);
            }
        }

        await Task.WhenAll(sends).Soon(TestTimeout.Long);
        await draining.Soon(TestTimeout.Long);
        await over.CancelAsync();
        (await Task.WhenAll(visitors).Soon(TestTimeout.Long)).Should().AllSatisfy(served => served.Should().BePositive());

        pair.A.Services.GetRequiredService<SocketIndex>().Count.Should().Be(0);
        pair.B.Services.GetRequiredService<SocketIndex>().Count.Should().Be(21);
        pair.A.Logs.Lines.Should().ContainSingle(line => line.Event.Id == 7011).Which.ToString().Should().Contain(" 0 connections had to be closed");
        states.Should().BeEmpty("the connections were ready all the time");
        var log = new List<string?>();
        await foreach (var message in Duplexity(pair.B).ReadAsync(Address.Room("storm")))
        {
            log.Add(message.Text);
        }

        for (var sender = 0; sender < Senders; sender++)
        {
            log.Where(t => t!.StartsWith($"{sender} ", StringComparison.Ordinal)).Should().Equal(Enumerable.Range(0, Messages / Senders).Select(n => $"{sender} {n}"));
        }

        foreach (var ear in ears)
        {
            await ear.HeardAsync(Messages);
            ear.Texts.Should().Equal(log);
            ear.Gaps.Should().BeEmpty();
        }

        await using var last = await pair.B.ConnectAsync("last");
        await using var mark = await last.JoinAsync("storm");
        await watching.Soon(TestTimeout.Long);
        flaps.Should().Equal("+last");
        foreach (var connection in connections)
        {
            await connection.DisposeAsync();
        }
    }

    private static HttpClient Api(TestNode node, string token) => new() { BaseAddress = node.Address, DefaultRequestHeaders = { Authorization = new("Bearer", token) } };

    private static async Task<string[]> NodesAsync(HttpClient api) =>
        [.. (await api.GetFromJsonAsync<JsonElement>("api/nodes").Soon()).GetProperty("nodes").EnumerateArray().Select(n => $"{n.GetProperty("name")} {n.GetProperty("isDraining")}")];

    private Task<RedisPair> StartAsync(Action<DuplexityOptions>? options = null) => RedisPair.StartAsync(redis, configure: (s, _) =>
    {
        s.Url = $"http://127.0.0.1:{FreePorts.One()}";
        s.Settings["Duplexity:Node:Url"] = s.Url;
        s.Services = services => services.AddHealthChecks().AddDuplexity();
        var before = s.Options;
        s.Options = o =>
        {
            before?.Invoke(o);
            options?.Invoke(o);
        };
    });

    private static string SessionOf(TestNode node, string client) => node.Services.GetRequiredService<Sessions>().OfClient(client).Single().Id;

    private static async Task WatchAsync(Room room, ConcurrentQueue<string> flaps, TaskCompletionSource isFirst)
    {
        await foreach (var change in room.WatchPresenceAsync())
        {
            if (!isFirst.TrySetResult())
            {
                change.Arrived.ToList().ForEach(c => flaps.Enqueue("+" + c));
                change.Gone.ToList().ForEach(c => flaps.Enqueue("-" + c));
                if (flaps.Contains("+last"))
                {
                    return;
                }
            }
        }
    }

    /// <summary>One visit after the other; how many there were.</summary>
    private static async Task<int> VisitAsync(TestNode node, CancellationToken over)
    {
        var n = 0;
        for (; !over.IsCancellationRequested; n++)
        {
            using var answer = await node.VisitAsync("cat1", $"/{n}");
            (await answer.Content.ReadAsStringAsync(CancellationToken.None)).Should().Be($"/{n}");
        }

        return n;
    }

    private static RawServer Resource() => new(async (connection, _) =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 } head)
        {
            var text = head.Split(' ')[1];
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });

    private static async Task<HttpResponseMessage> UpgradeAsync(TestNode node, string hub)
    {
        using var upgrade = new HttpRequestMessage(HttpMethod.Get, hub) { Headers = { { "Connection", "Upgrade" }, { "Upgrade", "websocket" }, { "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" } } };
        upgrade.Headers.Authorization = new("Bearer", node.Token("cleo"));
        return await node.Http.SendAsync(upgrade, HttpCompletionOption.ResponseHeadersRead).Soon();
    }

    private static async Task<HealthStatus> HealthAsync(TestNode node) => (await node.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status;

    private static IDuplexity Duplexity(TestNode node) => node.Services.GetRequiredService<IDuplexity>();

    private static NodeBook Book(TestNode node) => node.Services.GetRequiredService<NodeBook>();

    private static Task RoundAsync(TestNode node) => Book(node).RoundAsync(CancellationToken.None);
}
