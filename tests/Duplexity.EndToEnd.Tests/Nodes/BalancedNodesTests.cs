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
        var (readers, ears) = await ReadersAsync(a, balancer);

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
        await AllHeardAsync(readers, ears, sent);
    }

    [Fact]
    [Trait("Requirement", "3.1")]
    [Trait("Guarantee", "G9")]
    [Trait("Guarantee", "G16")]
    public async Task Nodes_that_are_killed_under_chat_take_no_message_with_them_and_repeat_none()
    {
        await using var redis = await RedisProcess.StartAsync("--appendfsync", "always");
        var port = FreePorts.One();
        string[] settings = [$"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Redis:Lease=00:00:04", "--Duplexity:Redis:Renewal=00:00:00.2", Key, "--Duplexity:Times:NodeNews=00:00:00.2"];
        await using var a = await RealService.StartAsync([.. settings, "--Duplexity:Node:Name=a"]);
        await using var b = await a.StartBesideAsync([.. settings, "--Duplexity:Node:Name=b"]);
        await using var c = await a.StartBesideAsync([.. settings, "--Duplexity:Node:Name=c"]);
        await using var balancer = await Balancer.StartAsync(port, $"127.0.0.1:{a.Port} max_fails=0", $"127.0.0.1:{b.Port} max_fails=0", $"127.0.0.1:{c.Port} max_fails=0");
        await AllKnownAsync([a, b, c]);
        await using var sender = a.Connection("sender", at: balancer.Address);
        await sender.ConnectAsync().Soon(TestTimeout.Long);
        var (readers, ears) = await ReadersAsync(a, balancer);

        using var over = new CancellationTokenSource();
        var chat = ChatAsync(sender, over.Token);
        foreach (var node in new[] { b, c, a })
        {
            await ears[0].TextsAsync(50).Soon(TestTimeout.Long);
            node.Process.Kill();
            await node.Process.ExitAsync();
            await node.StartAgainAsync();
        }

        await over.CancelAsync();
        await AllHeardAsync(readers, ears, await chat.Soon(TestTimeout.Long), alreadyHeard: 150);
    }

    [Fact]
    [Trait("Requirement", "2.29")]
    [Trait("Guarantee", "G12")]
    [Trait("Guarantee", "G16")]
    public async Task Visitors_at_one_node_of_a_client_at_another_are_served_past_that_one_and_from_a_third_when_it_dies()
    {
        await using var redis = await RedisProcess.StartAsync();
        var (port, counted) = (FreePorts.One(), FreePorts.One());
        string[] settings = [$"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Redis:Lease=00:00:04", "--Duplexity:Redis:Renewal=00:00:00.2", Key, "--Duplexity:Node:Url=http://127.0.0.1:{Port}", "--Duplexity:Times:NodeNews=00:00:00.2"];
        await using var a = await RealService.StartAsync([.. settings, "--Duplexity:Node:Name=a"]);
        await using var b = await a.StartBesideAsync([.. settings, "--Duplexity:Node:Name=b", $"--Duplexity:Metrics:Address=http://127.0.0.1:{counted}"]);
        await using var c = await a.StartBesideAsync([.. settings, "--Duplexity:Node:Name=c"]);
        await AllKnownAsync([a, b, c]);
        await using var balancer = await Balancer.StartAsync(port, $"127.0.0.1:{b.Port} max_fails=0", $"127.0.0.1:{c.Port} backup");
        await using var resource = new PathResource();
        await using var owner = a.Connection("owner", at: balancer.Address);
        await owner.ConnectAsync().Soon(TestTimeout.Long);
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}").Soon(TestTimeout.Long);
        await using var root = new DuplexityConnection(a.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(a.Token("root", ("role", "admin"))) });
        await root.ConnectAsync().Soon(TestTimeout.Long);
        using var visitor = a.Visitor("cat1");
        (await a.Visitor("cat1", b.Address).GetStringAsync("/here").Soon(TestTimeout.Long)).Should().Be("/here");
        var before = await CarriedAsync(counted);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(async visits =>
        {
            for (var n = 0; n < 100; n++)
            {
                (await visitor.GetStringAsync($"/{visits}-{n}").Soon(TestTimeout.Long)).Should().Be($"/{visits}-{n}");
            }
        }));
        (await CarriedAsync(counted)).Should().Be(before).And.BePositive("it counts what goes by it");
        b.Process.Kill();
        while (true)
        {
            // Carriers that are there go on for a moment, whoever had registered them.
            using var answer = await visitor.GetAsync("/again").Soon(TestTimeout.Long);
            if (answer.IsSuccessStatusCode && (await root.Pipes.ListAsync(new AskOptions { Client = "owner" }).Soon()).Any(p => p.Node == "c"))
            {
                break;
            }
        }

        for (var n = 0; n < 100; n++)
        {
            (await visitor.GetStringAsync($"/{n}").Soon(TestTimeout.Long)).Should().Be($"/{n}");
        }
    }

    private static async Task<(List<DuplexityConnection> Readers, List<Heard> Ears)> ReadersAsync(RealService service, Balancer balancer)
    {
        var (readers, ears) = (new List<DuplexityConnection>(), new List<Heard>());
        for (var i = 0; i < 6; i++)
        {
            readers.Add(service.Connection($"reader{i}", at: balancer.Address));
            await readers[^1].ConnectAsync().Soon(TestTimeout.Long);
            ears.Add(new Heard(await readers[^1].JoinAsync("hall").Soon(TestTimeout.Long)));
        }

        return (readers, ears);
    }

    /// <summary>Each has heard everything, once and in order; the first one of it <paramref name="alreadyHeard"/>.</summary>
    private static async Task AllHeardAsync(List<DuplexityConnection> readers, List<Heard> ears, int sent, int alreadyHeard = 0)
    {
        foreach (var ear in ears)
        {
            var skipped = ear == ears[0] ? alreadyHeard : 0;
            (await ear.TextsAsync(sent - skipped).Soon(TestTimeout.Long)).Should().Equal(Enumerable.Range(skipped, sent - skipped).Select(n => $"{n}"));
            ear.HasNothing.Should().BeTrue();
        }

        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }
    }

    /// <summary>The bytes that carriers have brought to visitors at the node with this listener of metrics.</summary>
    private static async Task<double> CarriedAsync(int port)
    {
        using var prometheus = new HttpClient();
        var lines = (await prometheus.GetStringAsync($"http://127.0.0.1:{port}/metrics").Soon()).Split('\n');
        return lines.Where(l => l.StartsWith("duplexity_visitor_io", StringComparison.Ordinal)).Sum(l => double.Parse(l.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
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
            using var answer = await visitor.GetAsync($"/{n}", CancellationToken.None);
            ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(CancellationToken.None)).Should().Be((200, $"/{n}"));
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
}
