using System.Net.WebSockets;
using System.Text;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>A front as a process of its own, with no setting of Redis, beside two nodes that have one.</summary>
[Trait("Requirement", "2.20")]
[Trait("Guarantee", "G18")]
public sealed class FrontTests
{
    private const string FrontKey = "a key of fronts, long enough, of the tests";

    [Fact]
    [Trait("Requirement", "2.11")]
    [Trait("Requirement", "2.24")]
    public async Task Visitors_come_to_a_front_which_goes_on_asking_when_a_node_is_killed_and_ends_in_order()
    {
        await using var redis = await RedisProcess.StartAsync();
        var (first, second) = FreePorts.Range(2);
        string[] nodes = [$"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster", $"--Duplexity:Cluster:FrontKey={FrontKey}", "--Duplexity:Times:NodeNews=00:00:00.2"];
        await using var a = await RealService.StartAsync([.. nodes, $"--Duplexity:Node:InternalUrl=http://127.0.0.1:{first}"]);
        await using var b = await a.StartBesideAsync([.. nodes, $"--Duplexity:Node:InternalUrl=http://127.0.0.1:{second}", "--Duplexity:Pipes:ListenAddress=127.0.0.2"]);
        var (low, high) = b.TcpPorts;
        await using var front = await a.StartBesideAsync(
            "--Duplexity:Roles=front", $"--Duplexity:Front:Key={FrontKey}", $"--Duplexity:Front:Backends:0=http://127.0.0.1:{first}", $"--Duplexity:Front:Backends:1=http://127.0.0.1:{second}",
            "--Duplexity:Node:Url=http://127.0.0.1:{Port}", "--Duplexity:Times:NodeNews=00:00:00.2", $"--Duplexity:Pipes:Ports={low}-{high}", "--Duplexity:Pipes:ListenAddress=127.0.0.3");
        await using var echo = await EchoApp.StartAsync();
        await using var amy = b.Connection("amy");
        await amy.ConnectAsync().Soon(TestTimeout.Long);
        await using var web = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{echo.Port}").Soon(TestTimeout.Long);
        await using var tcp = await amy.Pipes.OpenAsync(":", $"tcp://127.0.0.1:{echo.Port}").Soon(TestTimeout.Long);
        using var visitor = front.Visitor("cat1");

        (await visitor.GetStringAsync("/app/where").Soon(TestTimeout.Long)).Should().StartWith("GET /app/where");
        using var socket = await OpenAsync(front);
        (await EchoAsync(socket, "hello")).Should().Be("hello");
        using var direct = new HttpClient();
        (await direct.GetStringAsync($"http://127.0.0.3:{tcp.Url.Port}/app/where").Soon(TestTimeout.Long)).Should().StartWith("GET /app/where");

        a.Process.Kill();
        await using var late = await amy.Pipes.OpenAsync("cat2", $"127.0.0.1:{echo.Port}").Soon(TestTimeout.Long);
        using var another = front.Visitor("cat2");
        (await another.GetStringAsync("/app/where").Soon(TestTimeout.Long)).Should().StartWith("GET /app/where", "the node that is left was asked");
        (await EchoAsync(socket, "still here")).Should().Be("still here");
        (await visitor.GetAsync("/app/where").Soon(TestTimeout.Long)).EnsureSuccessStatusCode();
        (await direct.GetAsync(new Uri(front.Address, "health/ready")).Soon(TestTimeout.Long)).EnsureSuccessStatusCode();

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Soon(TestTimeout.Long);
        front.Process.SendTerminate();
        (await front.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
        Directory.Exists(front.Data).Should().BeFalse("a front keeps nothing");
    }

    private static async Task<ClientWebSocket> OpenAsync(RealService front)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Host", front.Host("cat1"));
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{front.Port}/app/ws"), CancellationToken.None).Soon(TestTimeout.Long);
        return socket;
    }

    private static async Task<string> EchoAsync(ClientWebSocket socket, string text)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None).Soon(TestTimeout.Long);
        var buffer = new byte[256];
        var received = await socket.ReceiveAsync(buffer, CancellationToken.None).Soon(TestTimeout.Long);
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }
}
