using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Duplexity.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>
/// What the visitors of a public pipe feel of those who stop reading large answers (3.3): a hundred visitors ask ten times a second each, turn and turn about without anybody who stands still and beside some who do.
/// The ratio is of the two halves of each round, whose order alternates, so that what else the machine does is shared by both.
/// </summary>
internal static class Stalled
{
    private const int Visitors = 100;
    private const int Rounds = 15;
    private const int Large = 256 * 1024 * 1024;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Half = TimeSpan.FromSeconds(1.5);

    // How long those who stand still have stood when it counts: what lies on the way to them has come to rest by then.
    private static readonly TimeSpan Settles = TimeSpan.FromSeconds(0.5);

    public static async Task RunAsync()
    {
        foreach (var (scheme, version, stalled) in new[] { ("http", HttpVersion.Version11, 0), ("http", HttpVersion.Version11, 1), ("h2c", HttpVersion.Version20, 1), ("h2c", HttpVersion.Version11, 10) })
        {
            await RoundsAsync(scheme, version, stalled);
        }
    }

    private static async Task RoundsAsync(string scheme, Version version, int stalled)
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.LogLevel = LogLevel.Warning;
            s.Settings["Kestrel:Endpoints:a:Url"] = "http://127.0.0.1:0";
            s.Settings["Kestrel:Endpoints:b:Url"] = "http://127.0.0.1:0";
            s.Settings["Kestrel:Endpoints:b:Protocols"] = "Http2";
        });
        await using var resource = await ResourceAsync(scheme);
        await using var owner = await node.ConnectAsync("owner");
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"{scheme}://127.0.0.1:{new Uri(resource.Urls.Single()).Port}");
        var port = version == HttpVersion.Version20 ? node.Ports[1] : node.Port;
        var visitors = Enumerable.Range(0, Visitors - stalled).Select(_ => Visitor(port, version)).ToArray();
        await TalkAsync(visitors, Half); // compiles, and does not count
        var rounds = new List<(double P50, double P99, double P50Beside, double P99Beside)>();
        for (var round = 0; round < Rounds; round++)
        {
            List<double> alone = [], beside = [];
            foreach (var isBeside in round % 2 == 0 ? (bool[])[false, true] : [true, false])
            {
                var still = await Task.WhenAll(Enumerable.Range(0, isBeside ? stalled : 0).Select(_ => StandStillAsync(port, version)));
                await Task.Delay(Settles);
                (isBeside ? beside : alone).AddRange(await TalkAsync(visitors, Half));
                foreach (var one in still)
                {
                    one.Dispose();
                }
            }

            rounds.Add((P50(alone), P99(alone), P50(beside), P99(beside)));
        }

        Conditions.Say($"{scheme} resource, HTTP/{version.Major} visitors, {stalled} of {Visitors} {(stalled == 0 ? "stands still (how much the figures vary by themselves)" : "stand still")}: median {Median(r => r.P50):0.00} ms without, {Median(r => r.P50Beside):0.00} ms beside (ratio {Median(r => r.P50Beside / r.P50):0.00}); p99 {Median(r => r.P99):0.00} ms, {Median(r => r.P99Beside):0.00} ms (ratio {Median(r => r.P99Beside / r.P99):0.00}); medians of {Rounds} rounds of twice {Half.TotalSeconds:0.0} s, {Visitors - stalled} asked ten times a second each");
        foreach (var visitor in visitors)
        {
            visitor.Dispose();
        }

        double Median(Func<(double P50, double P99, double P50Beside, double P99Beside), double> of) => rounds.Select(of).Order().ElementAt(Rounds / 2);
    }

    /// <summary>Answers <c>/large</c> with more than all buffers on the way take, everything else at once.</summary>
    private static async Task<WebApplication> ResourceAsync(string scheme)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.Limits.MinResponseDataRate = null;
            k.AllowAlternateSchemes = true;
            k.Listen(IPAddress.Loopback, 0, l => l.Protocols = scheme == "h2c" ? HttpProtocols.Http2 : HttpProtocols.Http1);
        });
        var app = builder.Build();
        app.MapGet("/large", async (HttpContext context) =>
        {
            var piece = new byte[64 * 1024];
            for (var i = 0; i < Large / piece.Length && !context.RequestAborted.IsCancellationRequested; i++)
            {
                await context.Response.Body.WriteAsync(piece, context.RequestAborted);
            }
        });
        app.MapGet("/", () => "ok");
        await app.StartAsync();
        return app;
    }

    private static HttpClient Visitor(int port, Version version)
    {
        var handler = new SocketsHttpHandler
        {
            UseCookies = false,
            UseProxy = false,
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(IPAddress.Loopback, port, ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        return new HttpClient(handler) { BaseAddress = new Uri($"http://cat1.localhost:{port}/"), DefaultRequestVersion = version, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
    }

    /// <summary>Asks for a large answer, reads its beginning, and then nothing more.</summary>
    private static async Task<IDisposable> StandStillAsync(int port, Version version)
    {
        using var visitor = Visitor(port, version);
        var answer = await visitor.GetAsync("/large", HttpCompletionOption.ResponseHeadersRead);
        await (await answer.Content.ReadAsStreamAsync()).ReadExactlyAsync(new byte[64 * 1024]);
        return answer; // holds its connection by itself
    }

    /// <summary>Each asks, at its own moments; how long the answers took, in order of time.</summary>
    private static async Task<List<double>> TalkAsync(HttpClient[] visitors, TimeSpan time)
    {
        var began = Stopwatch.GetTimestamp();
        var all = await Task.WhenAll(visitors.Select((visitor, i) => Task.Run(async () =>
        {
            var took = new List<double>();
            await Task.Delay(Pause * i / visitors.Length);
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                var start = Stopwatch.GetTimestamp();
                await visitor.GetStringAsync("");
                took.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                await Task.Delay(Pause);
            }

            return took;
        })));
        return [.. all.SelectMany(t => t).Order()];
    }

    private static double P50(List<double> took) => took[took.Count / 2];

    private static double P99(List<double> took) => took[took.Count * 99 / 100];
}
