using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>
/// The service as people run it: a process of its own, and the command line beside it. The user's folders are temporary ones, so that nothing of the person
/// who runs the tests is read or written.
/// </summary>
public sealed class RealService : IAsyncDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("duplexity-home-");
    private readonly List<RealProcess> _clients = [];
    private readonly List<string> _earlierOutput = [];
    private readonly TestIssuer _issuer;
    private readonly string[] _settings;
    private readonly string[] _under;
    private RealProcess? _process;

    private RealService(string[] settings, string[] under, TestIssuer issuer)
    {
        (_settings, _under, _issuer) = (settings, under, issuer);
        Port = FreePorts.One();
        TcpPorts = FreePorts.Range(4);
    }

    /// <summary>The listening port; the same after a restart.</summary>
    public int Port { get; }

    /// <summary>The ports of TCP pipes.</summary>
    public (int First, int Last) TcpPorts { get; }

    /// <summary>Where clients connect.</summary>
    public Uri Address => new($"http://127.0.0.1:{Port}/");

    /// <summary>The folder that stands for the user's home.</summary>
    public string Home => _home.FullName;

    /// <summary>Its data folder.</summary>
    public string Data => Path.Combine(Home, "data");

    /// <summary>The service's process.</summary>
    public RealProcess Process => _process ?? throw new InvalidOperationException("The service is not running.");

    /// <summary>Everything that the service (all its lives) and its clients printed.</summary>
    public string AllOutput => string.Join('\n', [.. _earlierOutput, _process?.Output ?? "", .. _clients.Select(c => c.Output)]);

    /// <summary>Starts the service in Development, with further settings as on its command line (<c>--Duplexity:Times:ClientTimeout=00:00:04</c>); <c>{Port}</c> is its port.</summary>
    public static Task<RealService> StartAsync(params string[] settings) => StartUnderAsync([], settings);

    /// <summary>Starts the service by way of another program, whose arguments end where the service's command begins (<c>strace -f</c>).</summary>
    public static async Task<RealService> StartUnderAsync(string[] under, params string[] settings)
    {
        var service = new RealService(settings, under, new TestIssuer());
        await service.StartAgainAsync();
        return service;
    }

    /// <summary>Starts another node that trusts the same issuer.</summary>
    public async Task<RealService> StartBesideAsync(params string[] settings)
    {
        var service = new RealService(settings, [], _issuer);
        await service.StartAgainAsync();
        return service;
    }

    /// <summary>A token that every node takes.</summary>
    public string Token(string client, params (string Name, object Value)[] claims) => _issuer.Token(client, DateTimeOffset.UtcNow, TimeSpan.FromHours(1), claims);

    /// <summary>Starts it (again) at the same place.</summary>
    public async Task StartAgainAsync()
    {
        if (_process is { } before)
        {
            _earlierOutput.Add(before.Output);
            await before.DisposeAsync();
        }

        string[] command =
            [
                .. _under,
                ProcessTools.DotNet,
                ProcessTools.Built("server/Duplexity.Host", "Duplexity.Host.dll"),
                "--urls", $"http://127.0.0.1:{Port}",
                "--environment", "Development",
                $"--Duplexity:Data={Data}",
                $"--Duplexity:Pipes:Url=http://*.localhost:{Port}",
                $"--Duplexity:Pipes:Ports={TcpPorts.First}-{TcpPorts.Last}",
                $"--Duplexity:Auth:Keys:tests:Issuer={_issuer.Issuer}",
                $"--Duplexity:Auth:Keys:tests:Secret={_issuer.Secret}",
                .. _settings.Select(s => s.Replace("{Port}", $"{Port}", StringComparison.Ordinal)),
            ];
        _process = RealProcess.Start(command[0], command[1..], Environment);
        await _process.LineAsync("listens on");
    }

    /// <summary>A connection of the SDK, which comes back as soon as the service does; <paramref name="at"/>: by another address than the node's own.</summary>
    public DuplexityConnection Connection(string client, TimeSpan? sendTimeout = null, JoinOptions? inbox = null, Uri? at = null) => new(at ?? Address, new DuplexityConnectionOptions
    {
        Token = _ => ValueTask.FromResult<string?>(Token(client)),
        SendTimeout = sendTimeout ?? TestTimeout.Long,
        MaxReconnectDelay = TimeSpan.FromMilliseconds(500),
        Inbox = inbox,
    });

    /// <summary>Runs the command line: <c>duplexity --as NAME ARGUMENTS…</c>.</summary>
    public RealProcess Cli(string client, params string[] arguments) =>
        Remember(RealProcess.Start(ProcessTools.DotNet, [ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll"), "--as", client, .. arguments], Environment, Home));

    /// <summary>Runs another program in the surroundings of the command line.</summary>
    public RealProcess Run(string program, params string[] arguments) => Remember(RealProcess.Start(program, arguments, Environment, Home));

    /// <summary>Runs <c>duplexity --as NAME up …</c> and waits until visitors are served.</summary>
    public async Task<RealProcess> UpAsync(string client, params string[] arguments)
    {
        var up = Cli(client, ["up", .. arguments]);
        await up.LineAsync("ready ");
        return up;
    }

    /// <summary>A visitor's client: requests go to the listening port (or to <paramref name="at"/>) with the pipe's Host.</summary>
    public HttpClient Visitor(string name, Uri? at = null)
    {
        at ??= Address;
        var visitor = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false, MaxConnectionsPerServer = 1_000 })
        {
            BaseAddress = at,
            Timeout = TestTimeout.Long,
        };
        visitor.DefaultRequestHeaders.Host = $"{name}.localhost:{at.Port}";
        return visitor;
    }

    /// <summary>The Host of a pipe: <c>cat1.localhost:PORT</c>.</summary>
    public string Host(string name) => $"{name}.localhost:{Port}";

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }

        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    private IEnumerable<(string, string?)> Environment =>
    [
        ("HOME", Home), ("XDG_STATE_HOME", Path.Combine(Home, "state")), ("XDG_CONFIG_HOME", Path.Combine(Home, "config")),
        ("DUPLEXITY_SERVER", $"http://127.0.0.1:{Port}"), ("DUPLEXITY_AS", null), ("DUPLEXITY_TOKEN", null), ("DOTNET_NOLOGO", "1"),
        ("ASPNETCORE_ENVIRONMENT", null), ("DOTNET_ENVIRONMENT", null), ("ASPNETCORE_URLS", null),
    ];

    private RealProcess Remember(RealProcess client)
    {
        _clients.Add(client);
        return client;
    }
}
