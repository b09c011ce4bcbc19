using System.Diagnostics;
using Duplexity.Testing;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>
/// What a visitor's request costs where the client is far away: over a carrier that is there, and over one of its own, which has to be brought (an order to the client, its connection, its WebSocket) or was brought ahead (<c>Limits:WarmCarriersPerPipe</c>).
/// Then how often one has to be brought where carriers are used again: to visitors who come all at once, and to those who come at random. The client's link takes half of a round trip in each direction, and a whole one to connect; the visitors are near the
/// node. Without TLS, which costs a new carrier one round trip more.
/// </summary>
internal static class Distance
{
    private const int Visits = 60;
    private const int Crowd = 24;
    private static readonly TimeSpan Load = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Thinks = TimeSpan.FromMilliseconds(10);

    public static async Task RunAsync()
    {
        foreach (var roundTrip in (int[])[0, 20, 80])
        {
            await AtAsync(roundTrip, warm: 0, async (node, _) => await OneByOneAsync(node, roundTrip, warm: 0));
            await AtAsync(roundTrip, warm: 4, async (node, resource) =>
            {
                await OneByOneAsync(node, roundTrip, warm: 4);
                await CrowdAsync(node, resource, roundTrip);
                foreach (var atOnce in (int[])[2, 8])
                {
                    await LoadAsync(node, resource, roundTrip, atOnce);
                }
            });
        }
    }

    private static async Task AtAsync(int roundTrip, int warm, Func<TestNode, RawResource, Task> measure)
    {
        await using var node = await TestNode.StartAsync(s => (s.LogLevel, s.Options) = (LogLevel.Warning, o => o.Limits.WarmCarriersPerPipe = warm));
        await using var line = new FaultProxy(node.Port, isRedis: false) { Delay = TimeSpan.FromMilliseconds(roundTrip / 2.0) };
        await using var resource = new RawResource(AnswerAsync);
        await using var owner = new DuplexityConnection(new Uri($"http://{line.Connection}/"), new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("owner")) });
        await owner.ConnectAsync();
        await owner.Pipes.OpenAsync("each", resource.Authority, new PipeOptions { Carriers = "per-visitor" });
        await owner.Pipes.OpenAsync("cat1", resource.Authority);
        await owner.Pipes.OpenAsync("load", resource.Authority);
        await measure(node, resource);
    }

    private static async Task OneByOneAsync(TestNode node, int roundTrip, int warm)
    {
        var (first, further) = (new List<double>(), new List<double>());
        for (var i = 0; i < Visits; i++)
        {
            // A carrier that stays with its visitor's connection is another one for each visitor, as for WebSockets and TCP.
            using var visitor = Visitor(node, "each");
            first.Add(await AskAsync(visitor));
            further.Add(await AskAsync(visitor));
        }

        Conditions.Say($"{roundTrip} ms to the client and back, {warm} warm at most: over a carrier of its own {Line(first)}, over one that it has {Line(further)}; {Costs(P(first, 50) - P(further, 50), roundTrip)} more ({Visits} visitors, one after the other)");
    }

    private static async Task CrowdAsync(TestNode node, RawResource resource, int roundTrip)
    {
        using var visitor = Visitor(node, "cat1");
        var before = resource.Connections;
        var first = await Task.WhenAll(Enumerable.Range(0, Crowd).Select(_ => AskAsync(visitor)));
        var again = await Task.WhenAll(Enumerable.Range(0, Crowd).Select(_ => AskAsync(visitor)));
        Conditions.Say($"{roundTrip} ms: {Crowd} at once, nobody before: {Line(first)}; {Crowd} again: {Line(again)}; {resource.Connections - before} carriers");
    }

    /// <summary>Visitors who come at random, as many as are under way at once on average.</summary>
    private static async Task LoadAsync(TestNode node, RawResource resource, int roundTrip, int atOnce)
    {
        using var visitor = Visitor(node, "load");
        await AskAsync(visitor);
        var before = resource.Connections;
        var random = new Random(roundTrip + atOnce);
        var pause = (roundTrip + Thinks.TotalMilliseconds) / atOnce;
        var asks = new List<Task<double>>();
        var began = Stopwatch.GetTimestamp();
        for (var next = 0.0; next < Load.TotalMilliseconds; next += -Math.Log(1 - random.NextDouble()) * pause)
        {
            if (TimeSpan.FromMilliseconds(next) - Stopwatch.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
            {
                await Task.Delay(left);
            }

            asks.Add(AskAsync(visitor));
        }

        var took = await Task.WhenAll(asks);
        var carriers = resource.Connections - before;
        Conditions.Say($"{roundTrip} ms: {atOnce} under way at once on average, at random, for {Load.TotalSeconds:0} s: {Line(took)}; {took.Length} requests brought {carriers} new carriers ({100.0 * carriers / took.Length:0.0} %)");
    }

    private static async Task AnswerAsync(RawVisitor connection)
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 })
        {
            await Task.Delay(Thinks);
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    }

    private static HttpClient Visitor(TestNode node, string name)
    {
        var visitor = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false }) { BaseAddress = node.Listening };
        visitor.DefaultRequestHeaders.Host = $"{name}.localhost:{node.Port}";
        return visitor;
    }

    private static async Task<double> AskAsync(HttpClient visitor)
    {
        var began = Stopwatch.GetTimestamp();
        await visitor.GetStringAsync("");
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static double P(IReadOnlyCollection<double> took, int percent) => took.Order().ElementAt(took.Count * percent / 100);

    private static string Costs(double ms, int roundTrip) => roundTrip == 0 ? FormattableString.Invariant($"{ms:0.0} ms") : FormattableString.Invariant($"{ms:0.0} ms, {ms / roundTrip:0.0} round trips");

    private static string Line(IReadOnlyCollection<double> took) => FormattableString.Invariant($"median {P(took, 50):0.0} ms, p90 {P(took, 90):0.0} ms, p99 {P(took, 99):0.0} ms");
}
