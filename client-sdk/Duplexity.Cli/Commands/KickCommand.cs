using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>kick socket:ID|client:CID</c>: closes sockets, one's own or, for administrators, anybody's.</summary>
internal static class KickCommand
{
    public static Command Create(Runner runner)
    {
        var target = new Argument<string>("TARGET") { Description = "socket:ID or client:CID" };
        var reason = new Option<string?>("--reason") { Description = "what the disconnected are told" };
        var command = new Command("kick", "close sockets, and keep them away for five minutes") { target, reason };
        runner.Action(command, async (run, parsed) =>
        {
            var address = Addresses.One(parsed.GetValue(target)!);
            await using var connection = await run.ConnectAsync();
            var closed = await connection.Sockets.CloseAsync(address, parsed.GetValue(reason), run.Cancel);
            run.Result(new { Target = address.ToString(), Sockets = closed }, $"{closed} closed");
            return ExitCode.Done;
        });
        return command;
    }
}
