using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>A visitor who reads slowly, or not at all, holds up the resource; neither the service nor the program keeps what lies between.</summary>
[Trait("Requirement", "3.3")]
[Trait("Requirement", "3.4")]
public sealed class SlowReaderTests(ITestOutputHelper output)
{
    private const int Megabyte = 1024 * 1024;

    /// <summary>What the service and the program may keep of one transfer besides the kernel: Kestrel reads up to 1 MB of a carrier ahead (<c>MaxRequestBufferSize</c>); the rest are pieces of 64 KB.</summary>
    private const long Own = 2 * Megabyte;

    private const string Listening = "0A";

    // How long a write that makes no way stands still; too short a time can only make the test kinder.
    private static readonly TimeSpan Still = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task What_lies_between_a_resource_and_a_visitor_who_stopped_lies_in_the_kernel()
    {
        const int Whole = 64 * Megabyte;
        await using var service = await RealService.StartAsync();
        foreach (var isTcp in (bool[])[false, true])
        {
            await using var resource = new SendingResource(Whole, isTcp);
            var (_, visitor) = await VisitAsync(service, resource, isTcp);
            await using var closing = visitor;
            var read = await ReadAsync(visitor, 0, Whole / 4);

            await resource.Stands.Soon(TestTimeout.Long);
            var (between, kernel) = (resource.Written - read, InKernel(resource.Port, service.Port, service.TcpPorts.First));
            output.WriteLine($"{(isTcp ? "TCP" : "HTTP")}: {between / 1024} KB lay between a resource and a visitor who had stopped, {kernel / 1024} KB in the kernel");

            (between - kernel).Should().BeLessThanOrEqualTo(Own);
            resource.Written.Should().BeLessThan(Whole, "it was held up");
            await ReadAsync(visitor, read, Whole);
            await resource.Done.Soon();
        }
    }

    [Fact]
    public async Task What_a_visitor_of_an_http_2_resource_far_away_does_not_read_is_not_kept_either()
    {
        const int Read = 40 * Megabyte;
        await using var service = await RealService.StartAsync();
        await using var resource = await Http2Resource.StartAsync();
        await using var line = new FaultProxy(service.Port, isRedis: false) { Delay = TimeSpan.FromMilliseconds(20) };
        await using var up = CliProcess.Start(new Uri($"http://{line.Connection}"), service.Token("todd"), "up", $"cat1=h2c://127.0.0.1:{resource.Port}");
        await up.LineAsync("ready ");
        await using var visitor = await RawVisitor.ConnectAsync(service.Port, receiveBuffer: 64 * 1024);
        await visitor.RequestAsync("GET / HTTP/1.0", service.Host("cat1")); // an answer without framing of its own
        await visitor.ReadHeadAsync(TestTimeout.Long);
        var read = await ReadAsync(visitor, 0, Read);

        await resource.StandsAsync();
        var (between, kernel) = (resource.Written - read, InKernel(service.Port));
        output.WriteLine($"HTTP/2 over {2 * line.Delay.TotalMilliseconds:0} ms: {between / 1024} KB lay between, {kernel / 1024} KB in the kernel");

        // The windows of HTTP/2 grow with speed and distance, to 16 MB of the node's memory for each visitor who then stops, where they may.
        (between - kernel).Should().BeLessThanOrEqualTo(Own + Megabyte);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_gigabyte_to_a_visitor_who_reads_four_megabytes_a_second_leaves_service_and_program_as_large_as_they_were()
    {
        const int Whole = 1024 * Megabyte;
        await using var service = await RealService.StartAsync();
        await using var resource = new SendingResource(Whole, isTcp: false);
        var (up, visitor) = await VisitAsync(service, resource, isTcp: false);
        await using var closing = visitor;
        var read = await ReadAsync(visitor, 0, 16 * Megabyte);
        long[] before = [WorkingSet(service.Process), WorkingSet(up)];
        long[] most = [.. before];
        while (read < Whole)
        {
            read = await ReadAsync(visitor, read, read + Megabyte);
            (most[0], most[1]) = (Math.Max(most[0], WorkingSet(service.Process)), Math.Max(most[1], WorkingSet(up)));
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(250));
        }

        await resource.Done.Soon();
        foreach (var (who, from, to) in new[] { ("the service", before[0], most[0]), ("the program", before[1], most[1]) })
        {
            output.WriteLine($"{who}: {from / Megabyte} MB after 16 MB, at most {to / Megabyte} MB during the whole gigabyte");
            (to - from).Should().BeLessThan(48 * Megabyte, "{0} keeps none of it", who);
        }
    }

    /// <summary>How many bytes wait in the sockets of loopback connections from or to these ports: sent and not taken, or come and not read.</summary>
    private static long InKernel(params int[] ports) => new[] { "/proc/net/tcp", "/proc/net/tcp6" }.SelectMany(file => File.ReadLines(file).Skip(1)).Sum(line =>
    {
        // sl, local address, remote address, state, tx_queue:rx_queue
        var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isOurs = columns[1..3].Any(address => ports.Contains(int.Parse(address.Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        return isOurs && columns[3] != Listening ? columns[4].Split(':').Sum(queue => long.Parse(queue, NumberStyles.HexNumber, CultureInfo.InvariantCulture)) : 0;
    });

    private static async Task<(RealProcess Up, RawVisitor Visitor)> VisitAsync(RealService service, SendingResource resource, bool isTcp)
    {
        var tcp = service.TcpPorts.First;
        var up = await service.UpAsync("todd", isTcp ? $":{tcp}=tcp://127.0.0.1:{resource.Port}" : $"cat1=127.0.0.1:{resource.Port}");
        var visitor = await RawVisitor.ConnectAsync(isTcp ? tcp : service.Port, receiveBuffer: 64 * 1024);
        await visitor.RequestAsync("GET / HTTP/1.1", service.Host("cat1"));
        await visitor.ReadHeadAsync(TestTimeout.Long);
        return (up, visitor);
    }

    /// <summary>Reads from one place to another, and looks at every byte.</summary>
    private static async Task<long> ReadAsync(RawVisitor visitor, long at, long to)
    {
        var buffer = new byte[SendingResource.Piece.Length];
        while (at < to)
        {
            var within = (int)(at % buffer.Length);
            var count = await visitor.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length - within, to - at)));
            buffer.AsSpan(0, count).SequenceEqual(SendingResource.Piece.AsSpan(within, count)).Should().BeTrue("byte {0} and the next {1} are the resource's", at, count);
            count.Should().BePositive("the answer goes on");
            at += count;
        }

        return at;
    }

    private static long WorkingSet(RealProcess process)
    {
        using var own = Process.GetProcessById(process.Id);
        return own.WorkingSet64;
    }

    /// <summary>Answers whoever comes with so many bytes, as fast as they are taken.</summary>
    private sealed class SendingResource : IAsyncDisposable
    {
        /// <summary>What it sends, again and again; of a length that no buffer has.</summary>
        public static readonly byte[] Piece = [.. Enumerable.Range(0, 65_537).Select(i => (byte)((i * 31) + (i / 251)))];

        private readonly TaskCompletionSource _stands = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly RawResource _resource;
        private long _written;

        public SendingResource(long whole, bool isTcp) => _resource = new RawResource(async connection =>
        {
            connection.Socket.SendBufferSize = 64 * 1024;
            await connection.ReadHeadAsync();
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {whole}\r\n{(isTcp ? "Connection: close\r\n" : "")}\r\n");
            while (_written < whole)
            {
                var piece = Piece.AsMemory(0, (int)Math.Min(Piece.Length, whole - _written));
                for (var left = piece; left.Length > 0;)
                {
                    var write = connection.Socket.SendAsync(left, SocketFlags.None).AsTask();
                    if (await Task.WhenAny(write, Task.Delay(Still)) != write)
                    {
                        _stands.TrySetResult();
                    }

                    left = left[await write..];
                }

                Interlocked.Add(ref _written, piece.Length);
            }

            _stands.TrySetResult();
            _done.TrySetResult();
        });

        public int Port => _resource.Port;

        public long Written => Interlocked.Read(ref _written);

        /// <summary>Completes when a write has stood still, or there is none any more.</summary>
        public Task Stands => _stands.Task;

        public Task Done => _done.Task;

        public ValueTask DisposeAsync() => _resource.DisposeAsync();
    }

    /// <summary>The same over HTTP/2, without an end.</summary>
    private sealed class Http2Resource : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private long _written;

        private Http2Resource(WebApplication app) => _app = app;

        public int Port => new Uri(_app.Urls.Single()).Port;

        public long Written => Interlocked.Read(ref _written);

        public static async Task<Http2Resource> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k =>
            {
                k.Limits.MinResponseDataRate = null;
                k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2);
            });
            var resource = new Http2Resource(builder.Build());
            resource._app.MapGet("/", async (HttpContext context) =>
            {
                while (!(await context.Response.BodyWriter.WriteAsync(SendingResource.Piece, context.RequestAborted)).IsCompleted)
                {
                    Interlocked.Add(ref resource._written, SendingResource.Piece.Length);
                }
            });
            await resource._app.StartAsync();
            return resource;
        }

        /// <summary>Waits until nothing more has been written for a while.</summary>
        public async Task StandsAsync()
        {
            for (var before = -1L; before != Written;)
            {
                before = Written;
                await Wait.InSilenceAsync(Still);
            }
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
