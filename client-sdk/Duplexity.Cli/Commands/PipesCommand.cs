using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>pipes [--watch]</c>: the acting client's pipes: the public ones of all its sessions, and those between channels; with --watch what becomes of the public ones.</summary>
internal static class PipesCommand
{
    public static Command Create(Runner runner)
    {
        var watch = new Option<bool>("--watch") { Description = "print the public ones and then what becomes of them, until Ctrl+C" };
        var client = new Option<string?>("--client") { Description = "whose, * for everybody's; for administrators (yours)", HelpName = "CID" };
        var command = new Command("pipes", "all your pipes, public and message, and their state") { watch, client };
        runner.Action(command, async (run, parsed) =>
        {
            var whose = new AskOptions { Client = parsed.GetValue(client) };
            await using var connection = await run.ConnectAsync();
            if (parsed.GetValue(watch))
            {
                await run.WhileOpenAsync(connection, async stop =>
                {
                    await foreach (var change in connection.Pipes.WatchAsync(whose, stop))
                    {
                        run.Result(change, ChangeLine.Text(change, run.Around.Time));
                    }
                });
                return ExitCode.Done;
            }

            var pipes = await connection.Pipes.ListAsync(whose, run.Cancel);
            run.Results(pipes, ["NAME", "URL", "RESOURCE", "STATE", "CLIENT", "SINCE", "VISITS", "SESSION", "NODE"], p =>
                [p.Name, p.Url, p.Resource, p.State, p.Client, Moment.Text(p.Since, run.Around.Time), $"{p.Use.Exchanges}", p.Session[..Math.Min(p.Session.Length, 8)], p.Node]);
            if (whose.Client is null)
            {
                // Others' message pipes are nobody else's to see.
                run.Results(await connection.MessagePipes.ListAsync(ct: run.Cancel), PipeCommand.Headers, PipeCommand.Row);
            }

            return ExitCode.Done;
        });
        return command;
    }
}
