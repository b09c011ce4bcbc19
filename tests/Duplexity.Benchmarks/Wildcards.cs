using System.Diagnostics;
using Duplexity.Testing;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>What a wildcard's visitors pay beside those of a name of its own, turn and turn about, at a node with a data folder: a name under a wildcard may have a queue, which goes before it.</summary>
internal static class Wildcards
{
    private const int Requests = 2_000;
    private const int AtOnce = 16;
    private const int Rounds = 7;

    public static async Task RunAsync()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.LogLevel = LogLevel.Warning;
            s.Settings["Duplexity:Data"] = "data";
        });
        await using var resource = new RawResource(ServeAsync);
        await using var owner = await node.ConnectAsync("owner");
        await using var queue = await owner.Pipes.OpenAsync("hook", $"http://{resource.Authority}", new PipeOptions { Offline = PipeOffline.Queue }); // the records are on disk from here on
        await using var plain = await owner.Pipes.OpenAsync("plain", $"http://{resource.Authority}");
        await using var wildcard = await owner.Pipes.OpenAsync("*.shop", $"http://{resource.Authority}");
        var (own, under) = (new List<double>(), new List<double>());
        await VisitAsync(node, "plain");
        await VisitAsync(node, "a.shop");
        for (var i = 0; i < Rounds; i++)
        {
            own.Add(await VisitAsync(node, "plain"));
            under.Add(await VisitAsync(node, "a.shop"));
        }

        Conditions.Say($"{Median(own):0} requests/s at a name of its own, {Median(under):0} under a wildcard, a ratio of {Median([.. under.Zip(own, (a, b) => a / b)]):0.00} (median of {Rounds}, {AtOnce} at once)");
    }

    private static async Task<double> VisitAsync(TestNode node, string pipe)
    {
        var began = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, Requests), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (_, ct) =>
        {
            using var response = await node.VisitAsync(pipe);
            await response.Content.CopyToAsync(Stream.Null, ct);
        });
        return Requests / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task ServeAsync(RawVisitor connection)
    {
        while (true)
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    }
}
