using System.Diagnostics;
using Duplexity.Server;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>
/// What a front costs (2.20): a visitor's request at the client's node, at another node, at a front that remembers where the pipe is, and at one that has to ask each time; the difference of the last two is what <c>/locate</c> adds.
/// All processes' parts, Redis, client and visitor share the cores.
/// </summary>
internal static class Fronts
{
    private const int Visits = 2_000;
    private const string Key = "a key of the benchmarks, long enough for a cluster";
    private const string FrontKey = "a key of the benchmarks, long enough for fronts";
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    public static async Task RunAsync()
    {
        await using var redis = await RedisProcess.StartAsync();
        var issuer = new TestIssuer();
        await using var a = await NodeAsync(redis, issuer, "a");
        await using var b = await NodeAsync(redis, issuer, "b");
        await Book(b).RoundAsync(CancellationToken.None);
        await Book(a).RoundAsync(CancellationToken.None);
        await using var front = await FrontAsync(a, b);
        await using var resource = new RawResource(async visitor =>
        {
            while (await visitor.ReadHeadAsync() is { Length: > 0 })
            {
                await visitor.SendAsync(Answer);
            }
        });
        await using var owner = await a.ConnectAsync("owner");
        await using var pipe = await owner.Pipes.OpenAsync("cat1", resource.Authority);
        await VisitsAsync(a, "at the client's node", null);
        await VisitsAsync(b, "at another node", null);
        var registry = front.Services.GetRequiredService<BackendRegistry>();
        var warm = await VisitsAsync(front, "at a front that remembers where", null);
        var cold = await VisitsAsync(front, "at a front that asks each time", () => registry.Forget(["cat1.localhost"]));
        Conditions.Say($"/locate adds: median {cold.Median - warm.Median:0.00} ms, p99 {cold.P99 - warm.P99:0.00} ms");
        var locates = await EachAsync(async () =>
        {
            registry.Forget(["cat1.localhost"]);
            await registry.LocateAsync("cat1.localhost", CancellationToken.None);
        });
        Conditions.Say($"/locate alone, Redis read included: {Line(locates)}");
    }

    private static NodeBook Book(TestNode node) => node.Services.GetRequiredService<NodeBook>();

    private static Task<TestNode> NodeAsync(RedisProcess redis, TestIssuer issuer, string name) => TestNode.StartAsync(s =>
    {
        (s.LogLevel, s.Issuer) = (LogLevel.Warning, issuer);
        s.Settings["Duplexity:Node:Name"] = name;
        s.Settings["Duplexity:Cluster:Key"] = Key;
        s.Settings["Duplexity:Cluster:FrontKey"] = FrontKey;
        s.Builder = builder => builder.AddRedis(redis.Connection);
    });

    private static async Task<TestNode> FrontAsync(params TestNode[] nodes)
    {
        var at = $"http://127.0.0.1:{FreePorts.One()}";
        var front = await TestNode.StartAsync(s =>
        {
            (s.LogLevel, s.IsFront, s.Url) = (LogLevel.Warning, true, at);
            s.Settings["Duplexity:Node:Name"] = "front1";
            s.Settings["Duplexity:Node:Url"] = at;
            s.Settings["Duplexity:Front:Key"] = FrontKey;
            for (var i = 0; i < nodes.Length; i++)
            {
                s.Settings[$"Duplexity:Front:Backends:{i}"] = Book(nodes[i]).Self.InternalUrl!.AbsoluteUri;
            }
        });
        foreach (var node in (TestNode[])[front, .. nodes])
        {
            await Book(node).RoundAsync(CancellationToken.None);
        }

        return front;
    }

    private static async Task<(double Median, double P99)> VisitsAsync(TestNode at, string where, Action? before)
    {
        var each = await EachAsync(async () =>
        {
            before?.Invoke();
            using var answer = await at.VisitAsync("cat1");
            answer.EnsureSuccessStatusCode();
        });
        Conditions.Say($"a visitor's request over a carrier that is there, {where}: {Line(each)}");
        return (Median(each), P99(each));
    }

    private static async Task<List<double>> EachAsync(Func<Task> act)
    {
        var each = new List<double>();
        for (var i = 0; i < Visits; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await act();
            each.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        // The first ones compile.
        each.RemoveRange(0, Visits / 4);
        each.Sort();
        return each;
    }

    private static double Median(List<double> each) => each[each.Count / 2];

    private static double P99(List<double> each) => each[each.Count * 99 / 100];

    private static string Line(List<double> each) => $"median {Median(each):0.00} ms, p99 {P99(each):0.00} ms ({each.Count})";
}
