using Duplexity.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Duplexity.Testing;

/// <summary>What a test may set about a node before it starts. Everything has a default that a plain test can live with.</summary>
public sealed class TestNodeSetup
{
    /// <summary>The ASP.NET Core environment.</summary>
    public string Environment { get; set; } = "Development";

    /// <summary>The clock of the node and of the tokens that <see cref="TestNode.Token"/> makes.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>The route prefix given to MapDuplexity.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>Where to listen; port 0 unless a test restarts a node at the same place.</summary>
    public string Url { get; set; } = "http://127.0.0.1:0";

    /// <summary>How many TCP ports public pipes may have; 0: none. They are free ones, told in <see cref="TestNode.TcpPorts"/>.</summary>
    public int TcpPorts { get; set; }

    /// <summary>Whether the node trusts the test's own issuer; without it <see cref="TestNode.Token"/> makes tokens that are refused.</summary>
    public bool TrustTestIssuer { get; set; } = true;

    /// <summary>Who signs the tokens.</summary>
    public TestIssuer Issuer { get; set; } = new();

    /// <summary>The lowest level that is captured.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;

    /// <summary>Settings as an operator would write them, such as <c>Duplexity:Origins:0</c>. Without <c>Duplexity:Data</c> a node keeps everything in memory, which is faster; <c>data</c> is a folder that goes with it.</summary>
    public IDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    /// <summary>Whether it is a front (AddDuplexityFront), and no node.</summary>
    public bool IsFront { get; set; }

    /// <summary>What AddDuplexity is given.</summary>
    public Action<DuplexityOptions>? Options { get; set; }

    /// <summary>Further services: an application's own, or test doubles; runs after AddDuplexity.</summary>
    public Action<IServiceCollection>? Services { get; set; }

    /// <summary>Further parts of the application, before MapDuplexity.</summary>
    public Action<WebApplication>? Application { get; set; }

    /// <summary>What the node's builder is given (gates, engines).</summary>
    public Action<IDuplexityBuilder>? Builder { get; set; }
}

/// <summary>
/// A real node: Kestrel on a loopback port with AddDuplexity and MapDuplexity, its logs watched. Disposing it stops it and fails the test if it logged
/// an Error that was not announced by <see cref="LogWatch.Expect(string)"/>.
/// </summary>
public sealed class TestNode : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TestNodeSetup _setup;
    private readonly DirectoryInfo _folder;
    private bool _isDisposed;

    private TestNode(WebApplication app, TestNodeSetup setup, LogWatch logs, DirectoryInfo folder, (int First, int Last)? tcpPorts)
    {
        _app = app;
        _setup = setup;
        _folder = folder;
        Logs = logs;
        TcpPorts = tcpPorts;
        var listening = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        Ports = [.. listening.Select(address => new Uri(address).Port)];
        Listening = new Uri(listening.First().TrimEnd('/') + "/");
        Address = new Uri(Listening, setup.Prefix.Length == 0 ? "" : setup.Prefix.Trim('/') + "/");
        Http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = Address };
    }

    /// <summary>Where clients connect: the listening address and the prefix, with a slash at the end.</summary>
    public Uri Address { get; }

    /// <summary>Where Kestrel listens.</summary>
    public Uri Listening { get; }

    /// <summary>The listening port.</summary>
    public int Port => Listening.Port;

    /// <summary>The listening port, and those of further endpoints that the settings have (<c>Kestrel:Endpoints</c>), in the order of their names.</summary>
    public IReadOnlyList<int> Ports { get; }

    /// <summary>The first and last TCP port for pipes; null without.</summary>
    public (int First, int Last)? TcpPorts { get; }

    /// <summary>The application's services.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>What the node logged.</summary>
    public LogWatch Logs { get; }

    /// <summary>Waits until the node has let a data connection go: who closes does not wait for that.</summary>
    public Task GoneAsync(string socketId) => Logs.WaitForAsync($"{socketId} is gone", l => l.Event.Name == "SocketGone" && l.Text.Contains(socketId, StringComparison.Ordinal));

    /// <summary>Whether connections that come and go are logged.</summary>
    public bool LogsConnections => _setup.LogLevel <= LogLevel.Information;

    /// <summary>A client that follows nothing and keeps nothing, based at <see cref="Address"/>.</summary>
    public HttpClient Http { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time => _setup.Time;

    /// <summary>Starts a node.</summary>
    public static async Task<TestNode> StartAsync(Action<TestNodeSetup>? configure = null)
    {
        var setup = new TestNodeSetup();
        configure?.Invoke(setup);
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        var logs = new LogWatch();
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = setup.Environment, ContentRootPath = folder.FullName });
        builder.WebHost.UseUrls(setup.Url);
        builder.Logging.ClearProviders().AddProvider(logs).SetMinimumLevel(setup.LogLevel);
        builder.Services.Replace(ServiceDescriptor.Singleton(setup.Time));
        builder.Configuration.AddInMemoryCollection([new("Duplexity:Data", ""), new("Duplexity:Pipes:Url", "http://*.localhost:0"), new("Duplexity:Pipes:Ports", ""), new("Duplexity:Pipes:Resolver", DnsServer.Empty)]);
        (int First, int Last)? ports = null;
        if (setup.TcpPorts > 0)
        {
            ports = FreePorts.Range(setup.TcpPorts);
            builder.Configuration["Duplexity:Pipes:Ports"] = $"{ports.Value.First}-{ports.Value.Last}";
            builder.Configuration["Duplexity:Pipes:ListenAddress"] = "127.0.0.1";
        }

        if (setup.TrustTestIssuer)
        {
            builder.Configuration["Duplexity:Auth:Keys:tests:Issuer"] = setup.Issuer.Issuer;
            builder.Configuration["Duplexity:Auth:Keys:tests:Secret"] = setup.Issuer.Secret;
        }

        builder.Configuration.AddInMemoryCollection(setup.Settings);
        if (setup.IsFront)
        {
            builder.Services.AddDuplexityFront(setup.Options);
        }
        else
        {
            var duplexity = builder.Services.AddDuplexity(setup.Options);
            setup.Builder?.Invoke(duplexity);
        }

        setup.Services?.Invoke(builder.Services);
        var app = builder.Build();
        setup.Application?.Invoke(app);
        _ = setup.IsFront ? app.MapDuplexityFront(setup.Prefix) : app.MapDuplexity(setup.Prefix);
        try
        {
            await app.StartAsync().Soon();
        }
        catch
        {
            // A start that is refused is what some tests want to see: nothing of it may stay.
            await app.DisposeAsync();
            folder.Delete(recursive: true);
            throw;
        }

        return new TestNode(app, setup, logs, folder, ports);
    }

    /// <summary>A token for <paramref name="client"/>, signed by the test's issuer, good for <paramref name="lifetime"/> (an hour).</summary>
    public string Token(string client, TimeSpan? lifetime = null, params (string Name, object Value)[] claims) =>
        _setup.Issuer.Token(client, _setup.Time.GetUtcNow(), lifetime ?? TimeSpan.FromHours(1), claims);

    /// <summary>A connection of the SDK as <paramref name="client"/>, not yet connected; <paramref name="options"/> changes what it would be given.</summary>
    public DuplexityConnection Connection(string client, Func<DuplexityConnectionOptions, DuplexityConnectionOptions>? options = null)
    {
        var plain = new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(Token(client)) };
        return new DuplexityConnection(Address, options?.Invoke(plain) ?? plain);
    }

    /// <summary>A connection of the SDK as <paramref name="client"/> that is ready.</summary>
    public async Task<DuplexityConnection> ConnectAsync(string client, Func<DuplexityConnectionOptions, DuplexityConnectionOptions>? options = null)
    {
        var connection = Connection(client, options);
        await connection.ConnectAsync().Soon();
        return connection;
    }

    /// <summary>What a visitor opens: <c>http://NAME.localhost:PORT/</c>. .NET does not resolve it; visits give it as Host.</summary>
    public Uri PipeAddress(string name) => new($"http://{name}.localhost:{Port}/");

    /// <summary>Visits a public pipe of this node: the request goes to the listening port with the pipe's Host.</summary>
    public Task<HttpResponseMessage> VisitAsync(string name, string pathAndQuery = "/", HttpMethod? method = null, HttpContent? content = null) =>
        VisitAsync(name, new HttpRequestMessage(method ?? HttpMethod.Get, new Uri(Listening, pathAndQuery)) { Content = content });

    /// <summary>Visits a public pipe of this node with a request whose URI is relative or at the listening address.</summary>
    public Task<HttpResponseMessage> VisitAsync(string name, HttpRequestMessage request)
    {
        request.Headers.Host = $"{name}.localhost:{Port}";
        return Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Stops the node; afterwards its logs are still there and are checked.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        Http.Dispose();
        await _app.StopAsync().Soon();
        await _app.DisposeAsync();
        _folder.Delete(recursive: true);
        Logs.Verify();
    }
}
