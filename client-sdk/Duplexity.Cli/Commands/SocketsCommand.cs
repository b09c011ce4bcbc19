using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>sockets</c>: the acting client's live sockets.</summary>
internal static class SocketsCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("sockets", "your live sockets, this one included");
        runner.Action(command, async (run, _) =>
        {
            await using var connection = await run.ConnectAsync();
            var sockets = await connection.Sockets.ListAsync(run.Cancel);
            run.Results(sockets, ["SOCKET", "SINCE", "NODE", "TRANSPORT", "CHANNELS", "AGENT"], s =>
                [s.SocketId, Moment.Text(s.Since, run.Around.Time), s.Node, s.Transport, string.Join(' ', s.Channels), s.UserAgent ?? ""]);
            return ExitCode.Done;
        });
        return command;
    }
}
