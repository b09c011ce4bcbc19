using System.Collections.Concurrent;
using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>gRPC's own client and server, with a pipe between them.</summary>
[Trait("Requirement", "2.16")]
[Trait("Requirement", "3.4")]
public sealed class GrpcTests
{
    private const int Megabyte = 1024 * 1024;

    [Fact]
    public async Task A_call_is_answered_with_its_headers_and_trailers()
    {
        await using var rig = await Rig.StartAsync();

        using var call = rig.Calls.AsyncUnaryCall(Echo.Unary, null, new CallOptions(new Metadata { { "x-asked", "yes" }, { "x-raw-bin", new byte[] { 0, 255, 7 } } }), "hello"u8.ToArray());
        (await call.ResponseAsync.WaitAsync(TunnelHost.Patience)).Should().Equal("hello"u8.ToArray());
        (await call.ResponseHeadersAsync).GetValue("x-answered").Should().Be("yes");
        call.GetTrailers().GetValueBytes("x-back-bin").Should().Equal(0, 255, 7);
        call.GetStatus().StatusCode.Should().Be(StatusCode.OK);
    }

    [Fact]
    public async Task Four_megabytes_cross_in_one_message()
    {
        await using var rig = await Rig.StartAsync();
        var large = new byte[4 * Megabyte];
        new Random(1).NextBytes(large);

        var back = await rig.Calls.AsyncUnaryCall(Echo.Unary, null, default, large).ResponseAsync.WaitAsync(TunnelHost.Patience);
        back.AsSpan().SequenceEqual(large).Should().BeTrue();
    }

    [Fact]
    public async Task A_conversation_goes_to_and_fro()
    {
        await using var rig = await Rig.StartAsync();

        using var call = rig.Calls.AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        for (var i = 0; i < 50; i++)
        {
            // The next message is not even written before this one has come back.
            await call.RequestStream.WriteAsync([(byte)i]).WaitAsync(TunnelHost.Patience);
            (await call.ResponseStream.MoveNext(default).WaitAsync(TunnelHost.Patience)).Should().BeTrue();
            call.ResponseStream.Current.Should().Equal((byte)i);
        }

        await call.RequestStream.CompleteAsync();
        (await call.ResponseStream.MoveNext(default).WaitAsync(TunnelHost.Patience)).Should().BeFalse();
        call.GetTrailers().GetValue("x-count").Should().Be("50");
    }

    [Fact]
    public async Task Streams_of_one_side_end_with_the_other_sides_answer()
    {
        await using var rig = await Rig.StartAsync();

        using var up = rig.Calls.AsyncClientStreamingCall(Echo.Up, null, default);
        for (var i = 0; i < 20; i++)
        {
            await up.RequestStream.WriteAsync(new byte[1000]).WaitAsync(TunnelHost.Patience);
        }

        await up.RequestStream.CompleteAsync();
        BitConverter.ToInt32(await up.ResponseAsync.WaitAsync(TunnelHost.Patience)).Should().Be(20_000);

        using var down = rig.Calls.AsyncServerStreamingCall(Echo.Down, null, default, [30]);
        var count = 0;
        while (await down.ResponseStream.MoveNext(default).WaitAsync(TunnelHost.Patience))
        {
            count++;
        }

        count.Should().Be(30);
    }

    [Fact]
    public async Task A_refusal_is_its_trailers()
    {
        await using var rig = await Rig.StartAsync();

        var refused = async () => await rig.Calls.AsyncUnaryCall(Echo.Fail, null, default, []).ResponseAsync.WaitAsync(TunnelHost.Patience);
        var error = (await refused.Should().ThrowAsync<RpcException>()).Which;
        error.StatusCode.Should().Be(StatusCode.FailedPrecondition);
        error.Status.Detail.Should().Be("not today");
        error.Trailers.GetValue("x-why").Should().Be("because");
    }

    [Fact]
    public async Task Deadlines_and_cancellations_reach_the_service()
    {
        await using var rig = await Rig.StartAsync();

        using var cancel = new CancellationTokenSource();
        var call = rig.Calls.AsyncUnaryCall(Echo.Hang, null, new CallOptions(deadline: DateTime.UtcNow.AddHours(1), cancellationToken: cancel.Token), []);
        (await rig.Echo.Hanging.Task.WaitAsync(TunnelHost.Patience)).Should().BeCloseTo(DateTime.UtcNow.AddHours(1), TimeSpan.FromMinutes(5), "the service knows the deadline");
        await cancel.CancelAsync();

        await rig.Echo.Cancelled.Task.WaitAsync(TunnelHost.Patience);
        await call.ResponseAsync.Invoking(r => r).Should().ThrowAsync<RpcException>();
    }

    [Fact]
    public async Task Many_visitors_are_on_one_carrier_and_one_who_leaves_disturbs_no_other()
    {
        await using var rig = await Rig.StartAsync();
        var calls = Enumerable.Range(0, 20).Select(_ => rig.Calls.AsyncDuplexStreamingCall(Echo.Duplex, null, default)).ToArray();
        await Task.WhenAll(calls.Select(TalkAsync));

        rig.Echo.Connections.Should().ContainSingle("an HTTP/2 resource has one connection for all");
        rig.Owner.Orders.Should().ContainSingle();
        calls[0].Dispose();

        await Task.WhenAll(calls[1..].Select(TalkAsync));
        rig.Echo.Connections.Should().ContainSingle();

        static async Task TalkAsync(AsyncDuplexStreamingCall<byte[], byte[]> call)
        {
            await call.RequestStream.WriteAsync([1]).WaitAsync(TunnelHost.Patience);
            (await call.ResponseStream.MoveNext(default).WaitAsync(TunnelHost.Patience)).Should().BeTrue();
        }
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task Carriers_per_visitor_are_shared_by_nobody()
    {
        await using var rig = await Rig.StartAsync(carriers: "per-visitor");
        using var other = rig.NewChannel();

        await rig.Calls.AsyncUnaryCall(Echo.Unary, null, default, []).ResponseAsync.WaitAsync(TunnelHost.Patience);
        await rig.Calls.AsyncUnaryCall(Echo.Unary, null, default, []).ResponseAsync.WaitAsync(TunnelHost.Patience);
        rig.Echo.Connections.Should().ContainSingle();
        await other.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, []).ResponseAsync.WaitAsync(TunnelHost.Patience);
        rig.Echo.Connections.Should().HaveCount(2);
    }

    [Fact]
    [Trait("Guarantee", "G12")]
    public async Task A_call_whose_connection_ends_before_the_answer_is_not_repeated()
    {
        await using var rig = await Rig.StartAsync();

        for (var i = 0; i < 5; i++)
        {
            var lost = async () => await rig.Calls.AsyncUnaryCall(Echo.Drop, null, default, []).ResponseAsync.WaitAsync(TunnelHost.Patience);
            await lost.Should().ThrowAsync<RpcException>();
        }

        rig.Echo.Dropped.Should().Be(5);
    }

    [Theory]
    [InlineData("h2c")]
    [InlineData("h2")]
    public async Task A_browser_of_either_protocol_reaches_a_resource_that_speaks_HTTP_2(string scheme)
    {
        await using var resource = await Resources.StartAsync(
            app => app.MapPost("/{*rest}", async context => await context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Host} {context.Request.Path} {await new StreamReader(context.Request.Body).ReadToEndAsync()}")),
            HttpProtocols.Http2, certificate: scheme == "h2" ? Resources.SelfSigned("127.0.0.1") : null);
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync(new() { Name = "cat1", Resource = resource.At(scheme) }, anyCertificate: true);
        using var visitor = host.Visitor();

        using var answer = await visitor.PostAsync("/a%20b", new StringContent("hello"));
        (await answer.Content.ReadAsStringAsync()).Should().Be($"HTTP/2 cat1.localhost:{host.Port} /a%20b hello");
    }

    [Fact]
    public async Task A_resource_that_is_away_is_a_502_at_once()
    {
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", $"h2c://127.0.0.1:{FreePorts.One()}");
        using var visitor = host.Visitor();

        using var answer = await visitor.GetAsync("/");
        answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
        (await answer.Content.ReadAsStringAsync()).Should().Contain("Nothing answers");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_visitor_connection_has_carriers_of_its_own_for_each_of_several_resources_and_they_end_with_it()
    {
        var (connections, ended) = (new ConcurrentDictionary<string, int>(), new ConcurrentBag<Task>());
        await using var resource = await Resources.StartAsync(
            app => app.Run(context =>
            {
                if (connections.TryAdd(context.Connection.Id, 0))
                {
                    var closed = new TaskCompletionSource();
                    context.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(closed.SetResult);
                    ended.Add(closed.Task);
                }

                return context.Response.WriteAsync(context.Request.Path);
            }),
            HttpProtocols.Http2);
        await using var host = await TunnelHost.StartAsync();
        var owner = host.Connect();
        string[] paths = ["/a", "/b", "/c"];
        await owner.ServeAsync(new() { Name = "cat1", Resource = resource.At("h2c"), Carriers = "per-visitor", Routes = [.. paths.Select(p => new PipeRoute { Path = p, Resource = resource.At("h2c") })] });
        var visitor = host.Visitor(version: HttpVersion.Version20);

        for (var i = 0; i < 5; i++)
        {
            foreach (var path in paths)
            {
                (await visitor.GetStringAsync(path)).Should().Be(path);
            }
        }

        owner.Orders.Should().HaveCount(3, "one resource's does not throw out another's");
        connections.Should().HaveCount(3);
        visitor.Dispose();
        await Task.WhenAll(ended).WaitAsync(TunnelHost.Patience);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_visitor_connection_that_uses_more_resources_than_it_may_keep_is_served_all_the_same()
    {
        await using var resource = await Resources.StartAsync(app => app.Run(context => context.Response.WriteAsync(context.Request.Path)), HttpProtocols.Http2);
        await using var host = await TunnelHost.StartAsync();
        var owner = host.Connect();
        string[] paths = [.. Enumerable.Range(0, Http2Carriers.MostOfVisitor + 1).Select(i => $"/{i}")];
        await owner.ServeAsync(new() { Name = "cat1", Resource = resource.At("h2c"), Carriers = "per-visitor", Routes = [.. paths.Select(p => new PipeRoute { Path = p, Resource = resource.At("h2c") })] });
        using var visitor = host.Visitor(version: HttpVersion.Version20);

        foreach (var path in paths.Append(paths[^1]).Append(paths[0]))
        {
            (await visitor.GetStringAsync(path)).Should().Be(path);
        }

        owner.Orders.Should().HaveCount(paths.Length + 1, "the first one gave way, and was dialled anew");
    }

    private sealed class Rig(WebApplication resource, TunnelHost host, TunnelClient owner, Echo echo) : IAsyncDisposable
    {
        private readonly GrpcChannel _channel = Channel(host);

        public Echo Echo => echo;

        public TunnelClient Owner => owner;

        public CallInvoker Calls => _channel.CreateCallInvoker();

        public static async Task<Rig> StartAsync(string? carriers = null)
        {
            var echo = new Echo();
            var resource = await Resources.StartAsync(
                app =>
                {
                    app.Use((context, next) =>
                    {
                        echo.Connections.TryAdd(context.Connection.Id, 0);
                        return next(context);
                    });
                    app.MapGrpcService<Echo>();
                },
                HttpProtocols.Http2,
                services =>
                {
                    services.AddSingleton(echo).AddGrpc(o => o.MaxReceiveMessageSize = 8 * Megabyte);
                    services.TryAddEnumerable(ServiceDescriptor.Singleton<IServiceMethodProvider<Echo>, Echo.Methods>());
                });
            var host = await TunnelHost.StartAsync();
            var owner = host.Connect();
            await owner.ServeAsync(new() { Name = "cat1", Resource = resource.At("h2c"), Carriers = carriers });
            return new(resource, host, owner, echo);
        }

        public GrpcChannel NewChannel() => Channel(host);

        public async ValueTask DisposeAsync()
        {
            _channel.Dispose();
            await host.DisposeAsync();
            await resource.DisposeAsync();
        }

        private static GrpcChannel Channel(TunnelHost host)
        {
            var visitor = host.Visitor(version: HttpVersion.Version20);
            return GrpcChannel.ForAddress(visitor.BaseAddress!, new GrpcChannelOptions { HttpClient = visitor, DisposeHttpClient = true, MaxReceiveMessageSize = 8 * Megabyte });
        }
    }

    /// <summary>A service whose messages are bytes.</summary>
    public sealed class Echo
    {
        public static readonly Method<byte[], byte[]> Unary = Of(MethodType.Unary, nameof(Unary));
        public static readonly Method<byte[], byte[]> Duplex = Of(MethodType.DuplexStreaming, nameof(Duplex));
        public static readonly Method<byte[], byte[]> Up = Of(MethodType.ClientStreaming, nameof(Up));
        public static readonly Method<byte[], byte[]> Down = Of(MethodType.ServerStreaming, nameof(Down));
        public static readonly Method<byte[], byte[]> Fail = Of(MethodType.Unary, nameof(Fail));
        public static readonly Method<byte[], byte[]> Hang = Of(MethodType.Unary, nameof(Hang));
        public static readonly Method<byte[], byte[]> Drop = Of(MethodType.Unary, nameof(Drop));

        private int _dropped;

        public ConcurrentDictionary<string, int> Connections { get; } = new();

        public TaskCompletionSource<DateTime> Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Dropped => Volatile.Read(ref _dropped);

        private static Method<byte[], byte[]> Of(MethodType type, string name)
        {
            var bytes = Marshallers.Create(value => value, value => value);
            return new(type, "tests.Echo", name, bytes, bytes);
        }

        public sealed class Methods : IServiceMethodProvider<Echo>
        {
            public void OnServiceMethodDiscovery(ServiceMethodProviderContext<Echo> context)
            {
                context.AddUnaryMethod(Unary, [], async (_, request, call) =>
                {
                    if (call.RequestHeaders.GetValue("x-asked") is { } asked)
                    {
                        await call.WriteResponseHeadersAsync(new Metadata { { "x-answered", asked } });
                        call.ResponseTrailers.Add("x-back-bin", call.RequestHeaders.GetValueBytes("x-raw-bin")!);
                    }

                    return request;
                });
                context.AddDuplexStreamingMethod(Duplex, [], async (_, requests, answers, call) =>
                {
                    var count = 0;
                    while (await requests.MoveNext(call.CancellationToken))
                    {
                        count++;
                        await answers.WriteAsync(requests.Current);
                    }

                    call.ResponseTrailers.Add("x-count", $"{count}");
                });
                context.AddClientStreamingMethod(Up, [], async (_, requests, call) =>
                {
                    var sum = 0;
                    while (await requests.MoveNext(call.CancellationToken))
                    {
                        sum += requests.Current.Length;
                    }

                    return BitConverter.GetBytes(sum);
                });
                context.AddServerStreamingMethod(Down, [], async (_, request, answers, _) =>
                {
                    for (var i = 0; i < request[0]; i++)
                    {
                        await answers.WriteAsync([(byte)i]);
                    }
                });
                context.AddUnaryMethod(Fail, [], (_, _, _) =>
                    throw new RpcException(new Status(StatusCode.FailedPrecondition, "not today"), new Metadata { { "x-why", "because" } }));
                context.AddUnaryMethod(Hang, [], async (echo, _, call) =>
                {
                    using var cancelled = call.CancellationToken.Register(() => echo.Cancelled.TrySetResult());
                    echo.Hanging.TrySetResult(call.Deadline);
                    await echo.Cancelled.Task;
                    return [];
                });
                context.AddUnaryMethod(Drop, [], (echo, _, call) =>
                {
                    Interlocked.Increment(ref echo._dropped);
                    call.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()!.Abort();
                    return Task.FromResult<byte[]>([]);
                });
            }
        }
    }
}
