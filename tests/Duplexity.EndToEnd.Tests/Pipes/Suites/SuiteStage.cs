using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>One service for all suites of other people's programs: each opens pipes of its own by the command line, and runs its program without a pipe too.</summary>
public sealed class SuiteStage : IAsyncLifetime
{
    public RealService Service { get; private set; } = null!;

    /// <summary>Where visitors come by HTTP/2 in the clear.</summary>
    public int H2Port { get; } = FreePorts.One();

    public async Task InitializeAsync() => Service = await RealService.StartAsync(
        "--Kestrel:Endpoints:Main:Url=http://127.0.0.1:{Port}", $"--Kestrel:Endpoints:H2:Url=http://127.0.0.1:{H2Port}", "--Kestrel:Endpoints:H2:Protocols=Http2");

    public async Task DisposeAsync()
    {
        if (Service is not null)
        {
            await Service.DisposeAsync();
        }
    }

    /// <summary>Serves a port of this machine at a public TCP port, which is returned.</summary>
    public async Task<int> TcpAsync(int port)
    {
        var line = await Service.Cli("todd", "tcp", $"localhost:{port}").LineAsync("ready tcp://");
        return new Uri(line.Split(' ')[1]).Port;
    }

    /// <summary>Runs a program, by its name or its path, to its good end; what it printed.</summary>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        await using var process = Service.Run(Path.IsPathRooted(program) ? program : ProcessTools.Find(program), arguments);
        (await process.ExitAsync(TestTimeout.Long)).Should().Be(0, $"{program} {string.Join(' ', arguments)} printed:\n{process.Output}");
        return process.Output;
    }
}
