using System.Text;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>Nodes behind one address of an nginx that asks them in turn: whatever comes, comes to any of them.</summary>
[Trait("Requirement", "3.6")]
public sealed class BalancedNodesTests
{
    private const string Key = "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster";

    [Fact]
    [Trait("Requirement", "2.35")]
    [Trait("Guarantee", "G14")]
    [Trait("Guarantee", "G21")]
    public async Task Three_nodes_are_restarted_one_after_the_other_twice_under_chat_and_visitors_and_nobody_notices()
    {
        await using var redis = await RedisProcess.StartAsync();
        var port = FreePorts.One();
        string[] settings = [$"--Duplexity:Redis:Connection={redis.Connection}", Key, $"--Duplexity:Pipes:Url=http://*.localhost:{port}", "--Duplexity:Times:NodeNews=00:00:00.2"];
        await using var a = await RealService.StartAsync([.. settings, "--Duplexity:Node:Name=a"]);
        await using var b = await a.StartBesideAsync([.. settings, "--Duplexity:Node:Name=b"]);
        await using var c = await a.StartBesideAsync([.. settings, "--Duplexity:Node:Name=c"]);
        RealService[] nodes = [a, b, c];
        await using var balancer = await Balancer.StartAsync(port, [.. nodes.Select(n => $"127.0.0.1:{n.Port} max_fails=0")]);
        await AllKnownAsync(nodes);
        await using var resource = new PathResource();
        await using var owner = a.Connection("owner", at: balancer.Address);
        await using var sender = a.Connection("sender", at: balancer.Address);
        await Task.WhenAll(owner.ConnectAsync(), sender.ConnectAsync()).Soon(TestTimeout.Long);
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}").Soon(TestTimeout.Long);
        var (readers, ears) = (new List<DuplexityConnection>(), new List<Heard>());
        for (var i = 0; i < 6; i++)
        {
            readers.Add(a.Connection($"reader{i}", at: balancer.Address));
            await readers[^1].ConnectAsync().Soon(TestTimeout.Long);
            ears.Add(new Heard(await readers[^1].JoinAsync("hall").Soon(TestTimeout.Long)));
        }

        using var over = new CancellationTokenSource();
        var visits = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => VisitAsync(a.Visitor("cat1", balancer.Address), over.Token)));
        var chat = ChatAsync(sender, over.Token);
        for (var round = 0; round < 2; round++)
        {
            foreach (var node in nodes)
            {
                node.Process.SendTerminate();
                (await node.Process.ExitAsync(TestTimeout.Long)).Should().Be(0);
                await node.StartAgainAsync();
                await AllKnownAsync(nodes);
            }
        }

        await over.CancelAsync();
        var sent = await chat.Soon(TestTimeout.Long);
        (await visits.Soon(TestTimeout.Long)).Should().OnlyContain(count => count > 0);
        foreach (var ear in ears)
        {
            (await ear.TextsAsync(sent).Soon(TestTimeout.Long)).Should().Equal(Enumerable.Range(0, sent).Select(n => $"{n}"));
            ear.HasNothing.Should().BeTrue();
        }

        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }
    }

    /// <summary>Every node is ready and knows every other one as one that takes clients.</summary>
    private static async Task AllKnownAsync(RealService[] nodes)
    {
        foreach (var node in nodes)
        {
            using var root = new HttpClient { BaseAddress = node.Address, DefaultRequestHeaders = { Authorization = new("Bearer", node.Token("root", ("role", "admin"))) } };
            while (!IsWhole(await root.GetStringAsync("api/nodes").Soon()) || !(await root.GetAsync("health/ready").Soon()).IsSuccessStatusCode)
            {
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(20));
            }
        }

        bool IsWhole(string listed) => listed.Split("\"name\"").Length == nodes.Length + 1 && !listed.Contains("\"isDraining\":true", StringComparison.Ordinal);
    }

    /// <summary>Asks one thing after the other; each is answered, and rightly.</summary>
    private static async Task<int> VisitAsync(HttpClient visitor, CancellationToken over)
    {
        var n = 0;
        for (; !over.IsCancellationRequested; n++)
        {
            (await visitor.GetStringAsync($"/{n}", CancellationToken.None)).Should().Be($"/{n}");
        }

        visitor.Dispose();
        return n;
    }

    private static async Task<int> ChatAsync(DuplexityConnection sender, CancellationToken over)
    {
        var n = 0;
        for (; !over.IsCancellationRequested; n++)
        {
            await sender.SendAsync(Address.Room("hall"), $"{n}", ct: CancellationToken.None);
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(5));
        }

        return n;
    }

    /// <summary>Answers with the path.</summary>
    private sealed class PathResource : IAsyncDisposable
    {
        private readonly RawResource _resource = new(ServeAsync);

        public int Port => _resource.Port;

        public ValueTask DisposeAsync() => _resource.DisposeAsync();

        private static async Task ServeAsync(RawVisitor connection)
        {
            while (await connection.ReadHeadAsync() is { Length: > 0 } head)
            {
                var path = head.Split(' ')[1];
                await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(path)}\r\n\r\n{path}");
            }
        }
    }
}
