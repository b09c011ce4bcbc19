using System.Diagnostics;
using System.Text;
using Duplexity.Testing;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>What it costs visitors that a pipe is inspected: the same requests at a pipe that is and at one that is not, turn and turn about, so that what else the machine does is shared by both.</summary>
internal static class Inspections
{
    private const int Requests = 2_000;
    private const int AtOnce = 16;
    private const int Rounds = 7;

    public static async Task RunAsync()
    {
        await using var node = await TestNode.StartAsync(s => s.LogLevel = LogLevel.Warning);
        await using var resource = new RawResource(ServeAsync);
        await using var owner = await node.ConnectAsync("owner");
        await using var plain = await owner.Pipes.OpenAsync("plain", $"http://{resource.Authority}");
        await using var inspected = await owner.Pipes.OpenAsync("inspected", $"http://{resource.Authority}", new PipeOptions { Inspect = true });
        foreach (var size in (int[])[200, 20_000])
        {
            var (without, with) = (new List<double>(), new List<double>());
            await VisitAsync(node, "plain", size);
            await VisitAsync(node, "inspected", size);
            for (var i = 0; i < Rounds; i++)
            {
                without.Add(await VisitAsync(node, "plain", size));
                with.Add(await VisitAsync(node, "inspected", size));
            }

            Conditions.Say($"{size} bytes of JSON: {Median(without):0} requests/s without, {Median(with):0} with inspection, a ratio of {Median([.. with.Zip(without, (a, b) => a / b)]):0.00} (median of {Rounds}, {AtOnce} at once)");
        }
    }

    private static async Task<double> VisitAsync(TestNode node, string pipe, int size)
    {
        var began = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, Requests), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (_, ct) =>
        {
            using var response = await node.VisitAsync(pipe, $"/{size}?state=1");
            await response.Content.CopyToAsync(Stream.Null, ct);
        });
        return Requests / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task ServeAsync(RawVisitor connection)
    {
        while (true)
        {
            var head = await connection.ReadHeadAsync();
            var size = int.Parse(head.Split('/', '?')[1], System.Globalization.CultureInfo.InvariantCulture);
            var body = $$"""{"name":"{{new string('x', size)}}","password":"secret"}""";
            await connection.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        }
    }
}
