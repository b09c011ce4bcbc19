using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Commands;

/// <summary><c>dial NAME [--port N]</c>: a private pipe at a port of this machine.</summary>
internal static class DialCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("NAME") { Description = "db (yours) · amy/db (another client's)" };
        var port = new Option<int?>("--port") { Description = "the local port; without it a free one is taken", HelpName = "N" };
        var command = new Command("dial", "reach a private pipe at a local port") { name, port };
        runner.Action(command, (run, parsed) => RunAsync(run, parsed.GetRequiredValue(name), parsed.GetValue(port) ?? 0));
        return command;
    }

    private static async Task<int> RunAsync(Invocation run, string name, int port)
    {
        if (port is < 0 or > 65535)
        {
            throw new UsageException($"\"{port}\" is not a port; ports are 1 to 65535.");
        }

        // On this machine only: whoever reaches the port is the client that dials.
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        await using var connection = await run.ConnectAsync();
        if (!await connection.Pipes.MayDialAsync(name, ct: run.Cancel))
        {
            throw new DuplexityException(DuplexityError.Of(Errors.UnknownDestination, $"There is no private pipe {name} that {connection.Client} may dial."));
        }

        var local = $"localhost:{((IPEndPoint)listener.LocalEndpoint).Port}";
        run.Result(new { Event = "ready", Name = name, Local = local }, $"ready {local}");
        await run.WhileOpenAsync(connection, stop => new LocalPort(listener, ct => connection.Pipes.DialAsync(name, ct: ct), run.Terminal).RunAsync(stop));
        return ExitCode.Done;
    }
}
