using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>pipes</c>: the acting client's public pipes, of all its sessions.</summary>
internal static class PipesCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("pipes", "all your public pipes and their state");
        runner.Action(command, async (run, _) =>
        {
            await using var connection = await run.ConnectAsync();
            var pipes = await connection.Pipes.ListAsync(run.Cancel);
            run.Results(pipes, ["NAME", "URL", "RESOURCE", "STATE", "SINCE"], p => [p.Name, p.Url, p.Resource, p.State, Moment.Text(p.Since, run.Around.Time)]);
            return ExitCode.Done;
        });
        return command;
    }
}
