using System.Diagnostics;
using Duplexity.Server;
using Duplexity.Testing;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>What a second node costs: a message to a reader, and a visitor's request to a client, at the same node and at another one. Both nodes, Redis, clients and visitor share the cores.</summary>
internal static class Nodes
{
    private const int Messages = 2_000;
    private const int Visits = 1_000;
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    public static async Task RunAsync()
    {
        await using var redis = await RedisProcess.StartAsync();
        var issuer = new TestIssuer();
        await using var a = await NodeAsync(redis, issuer, "a");
        await using var b = await NodeAsync(redis, issuer, "b");
        foreach (var (where, node) in new[] { ("at the same node", a), ("at another node", b) })
        {
            await MessagesAsync(a, node, where);
            await VisitsAsync(a, node, where);
        }
    }

    private static Task<TestNode> NodeAsync(RedisProcess redis, TestIssuer issuer, string name) => TestNode.StartAsync(s =>
    {
        (s.LogLevel, s.Issuer) = (LogLevel.Warning, issuer);
        s.Settings["Duplexity:Node:Name"] = name;
        s.Settings["Duplexity:Cluster:Key"] = "a key of the benchmarks, long enough for a cluster";
        s.Builder = builder => builder.AddRedis(redis.Connection);
    });

    private static async Task MessagesAsync(TestNode from, TestNode to, string where)
    {
        await using var sender = await StockSocket.DataAsync(from, "sender");
        await using var reader = await StockSocket.DataAsync(to, "reader");
        await reader.JoinAsync("room:lobby");
        var each = await EachAsync(Messages, async () =>
        {
            var heard = reader.NextAsync();
            await sender.SendAsync("x", "room:lobby");
            await heard;
        });
        Conditions.Say($"a message, receipt and delivery awaited, reader {where}: {Line(each)}");
    }

    private static async Task VisitsAsync(TestNode at, TestNode of, string where)
    {
        await using var resource = new RawResource(async visitor =>
        {
            while (await visitor.ReadHeadAsync() is { Length: > 0 })
            {
                await visitor.SendAsync(Answer);
            }
        });
        await using var owner = await of.ConnectAsync("owner");
        await using var pipe = await owner.Pipes.OpenAsync("cat1", resource.Authority);
        var each = await EachAsync(Visits, async () => (await at.VisitAsync("cat1")).Dispose());
        Conditions.Say($"a visitor's request over a carrier that is there, client {where}: {Line(each)}");
    }

    private static async Task<List<TimeSpan>> EachAsync(int count, Func<Task> act)
    {
        var each = new List<TimeSpan>();
        for (var i = 0; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await act();
            each.Add(Stopwatch.GetElapsedTime(began));
        }

        // The first ones compile.
        each.RemoveRange(0, count / 4);
        each.Sort();
        return each;
    }

    private static string Line(List<TimeSpan> each) => $"median {each[each.Count / 2].TotalMilliseconds:0.00} ms, p99 {each[each.Count * 99 / 100].TotalMilliseconds:0.00} ms ({each.Count})";
}
