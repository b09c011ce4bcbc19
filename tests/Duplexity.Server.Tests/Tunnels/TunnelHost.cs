using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using Duplexity.Carriers;
using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>A node with public pipes and nothing else, on a real Kestrel; who you are is what your bearer token says.</summary>
internal sealed class TunnelHost : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>May publish every name.</summary>
    public static readonly AllowanceRules Everything = new(new Allowances { Publish = ["*"] });

    private readonly WebApplication _app;
    private long _generation;

    private TunnelHost(WebApplication app) => _app = app;

    public int Port { get; private init; }

    /// <summary>Where visitors speak HTTP/2 from the first byte on.</summary>
    public int Http2Port { get; private init; }

    /// <summary>Where they speak TLS, if the host has a certificate.</summary>
    public int TlsPort { get; private init; }

    public Uri Base => new($"http://127.0.0.1:{Port}/");

    public Sessions Sessions => _app.Services.GetRequiredService<Sessions>();

    public PublicPipes Pipes => _app.Services.GetRequiredService<PublicPipes>();

    public IServiceProvider Services => _app.Services;

    public static async Task<TunnelHost> StartAsync(Action<DuplexityOptions>? configure = null, Action<WebApplication>? application = null, TimeProvider? time = null, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = Environments.Development });
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k =>
        {
            k.Listen(IPAddress.Loopback, 0);
            k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2);
            if (certificate is not null)
            {
                k.Listen(IPAddress.Loopback, 0, l => l.UseHttps(certificate));
            }
        });
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSingleton<Sessions>().AddSingleton<Blocks>().AddSingleton<Standing>().AddSingleton<Node>().AddSingleton<IServiceHosts, ServiceHosts>().AddSingleton<ISealing, Sealing>().AddSingleton<IEngine, EmbeddedEngine>().AddDuplexityCluster();
        builder.Services.AddRoutingCore().AddDuplexityTunnels();
        builder.Services.Configure<DuplexityOptions>(o =>
        {
            o.Pipes.Url = "http://*.localhost:0";
            o.Pipes.Ports = "";
            o.Limits.WarmCarriersPerPipe = 0; // an order is a visitor's
            o.Pipes.Resolver = DnsServer.Empty;
            configure?.Invoke(o);
        });
        var app = builder.Build();
        app.Use((context, next) =>
        {
            if (context.Request.Headers.Authorization.ToString() is { Length: > 7 } bearer)
            {
                context.Features.Set(new Duplexity.Server.Sockets.Identity(bearer[7..], null, "test", null, new ClaimsPrincipal()));
            }

            return next(context);
        });
        app.UseRouting();
        app.MapDuplexityTunnels();
        app.MapGet("/health", () => "service");
        application?.Invoke(app);
        await app.StartAsync();
        int[] ports = [.. app.Urls.Select(u => new Uri(u).Port)];
        return new(app) { Port = ports[0], Http2Port = ports[1], TlsPort = ports[^1] };
    }

    /// <summary>A client with a live control connection.</summary>
    public TunnelClient Connect(string client = "amy", string session = "laptop")
    {
        var generation = Interlocked.Increment(ref _generation);
        var end = new TunnelClient(this, client);
        end.Session = Sessions.Establish(client, session, new($"c{generation}", generation, Base, end, (_, _) => Task.CompletedTask)).Session;
        return end;
    }

    /// <summary>A visitor with connections of its own.</summary>
    public HttpClient Visitor(string host = "cat1.localhost", Version? version = null)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new System.Net.Sockets.Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(IPAddress.Loopback, version == HttpVersion.Version20 ? Http2Port : Port, ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseDrainSize = 0,
        };
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"http://{host}:{Port}/"),
            Timeout = Patience,
            DefaultRequestVersion = version ?? HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    /// <summary>A visitor who types.</summary>
    public async Task<RawVisitor> RawAsync(int? port = null)
    {
        var socket = new System.Net.Sockets.Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port ?? Port);
        return new(socket);
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }
}

/// <summary>A client whose control connection is this object: it carries with the SDK's own carrier.</summary>
internal sealed class TunnelClient(TunnelHost host, string client) : IControlClient
{
    private readonly ConcurrentDictionary<string, Resource> _resources = new();
    private readonly CancellationTokenSource _kill = new();
    private Task _serving = Task.CompletedTask;

    public Session Session { get; set; } = null!;

    public ConcurrentQueue<CarryOrder> Orders { get; } = new();

    public System.Threading.Channels.Channel<ExchangesEvent> Told { get; } = System.Threading.Channels.Channel.CreateUnbounded<ExchangesEvent>();

    /// <summary>What it does with an order instead of carrying it out.</summary>
    public Func<CarryOrder, Task>? OnCarry { get; set; }

    public Task<PipeResult> ServeAsync(string? name, string resource, string? hostHeader = null, bool exchanges = false, bool inspect = false) =>
        ServeAsync(new PipeRegistration { Name = name, Resource = resource, HostHeader = hostHeader, Exchanges = exchanges, Inspect = inspect ? true : null });

    public async Task<PipeResult> ServeAsync(PipeRegistration registration, bool anyCertificate = false)
    {
        // An order may come before the answer that says how the pipe is called.
        var served = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _serving = served.Task;
        try
        {
            var answer = await host.Pipes.RegisterAsync(Session, TunnelHost.Everything, [registration], CancellationToken.None);
            answer.Error.Should().BeNull();
            var pipe = answer.Pipes!.Single();
            _resources[pipe.Name!] = Resource.Parse(registration.Resource!) with { TakesAnyCertificate = anyCertificate };
            foreach (var route in registration.Routes ?? [])
            {
                _resources[pipe.Name + route.Path] = Resource.Parse(route.Resource!);
            }

            return pipe;
        }
        finally
        {
            served.SetResult();
        }
    }

    /// <summary>Asks for pipes, and serves them where the answer is that it may.</summary>
    public async Task<PipesResponse> TryServeAsync(AllowanceRules rules, PipeRegistration[] pipes)
    {
        var answer = await host.Pipes.RegisterAsync(Session, rules, pipes, CancellationToken.None);
        foreach (var (pipe, asked) in answer.Error is null ? answer.Pipes!.Zip(pipes) : [])
        {
            _resources[pipe.Name!] = Resource.Parse(asked.Resource!);
        }

        return answer;
    }

    public Task Carry(CarryOrder order)
    {
        Orders.Enqueue(order);
        if (OnCarry is { } instead)
        {
            return instead(order);
        }

        _ = RunAsync(order);
        return Task.CompletedTask;
    }

    public async Task<CarrierOutcome> RunAsync(CarryOrder order, CancellationToken ct = default)
    {
        await _serving;
        return await Carrier.RunAsync(order, _resources[order.Pipe + order.Route], [host.Base.GetLeftPart(UriPartial.Authority)], _ => new(client), ct == default ? _kill.Token : ct);
    }

    /// <summary>SIGKILL, as the node sees it.</summary>
    public void Kill()
    {
        _kill.Cancel();
        if (Session.Link is { } link)
        {
            host.Sessions.Lose(Session, link.ConnectionId);
        }
    }

    public Task Welcome(WelcomeEvent welcome) => Task.CompletedTask;

    public Task PipesAreRegistered(PipesResponse pipes) => Task.CompletedTask;

    public Task Draining(DrainingEvent draining) => Task.CompletedTask;

    public Task Exchanges(ExchangesEvent exchanges)
    {
        Told.Writer.TryWrite(exchanges);
        return Task.CompletedTask;
    }

    public Task ExchangesKept(ExchangesKeptEvent kept) => Task.CompletedTask;

    public Task SocketsChanged(SocketsChangedEvent changed) => Task.CompletedTask;

    public Task PipesChanged(PipesChangedEvent changed) => Task.CompletedTask;

    public Task PipeClosed(PipeClosedEvent closed) => Task.CompletedTask;

    public Task IdentitiesChanged(IdentitiesChangedEvent changed) => Task.CompletedTask;

    public Task ReauthenticateSoon(ReauthenticateSoonEvent soon) => Task.CompletedTask;

    public Task Disconnected(DisconnectedEvent disconnected) => Task.CompletedTask;
}
