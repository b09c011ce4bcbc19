using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>sockets [--watch]</c>: the acting client's live sockets, and what becomes of them.</summary>
internal static class SocketsCommand
{
    public static Command Create(Runner runner)
    {
        var watch = new Option<bool>("--watch") { Description = "then print what becomes of them, until Ctrl+C" };
        var client = new Option<string?>("--client") { Description = "whose, * for everybody's; for administrators (yours)", HelpName = "CID" };
        var command = new Command("sockets", "your live sockets, this one included") { watch, client };
        runner.Action(command, async (run, parsed) =>
        {
            var whose = new AskOptions { Client = parsed.GetValue(client) };
            await using var connection = await run.ConnectAsync();
            if (parsed.GetValue(watch))
            {
                await run.WhileOpenAsync(connection, async stop =>
                {
                    await foreach (var change in connection.Sockets.WatchAsync(whose, stop))
                    {
                        run.Result(change, ChangeLine.Text(change, run.Around.Time));
                    }
                });
                return ExitCode.Done;
            }

            var sockets = await connection.Sockets.ListAsync(whose, run.Cancel);
            run.Results(sockets, ["SOCKET", "CLIENT", "SINCE", "NODE", "TRANSPORT", "CHANNELS", "AGENT"], s =>
                [s.SocketId, s.Client, Moment.Text(s.Since, run.Around.Time), s.Node, s.Transport, string.Join(' ', s.Channels), s.UserAgent ?? ""]);
            return ExitCode.Done;
        });
        return command;
    }
}
