using System.CommandLine;
using Duplexity.Cli.Output;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>whoami</c>: who the server says I am.</summary>
internal static class WhoamiCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("whoami", "print who you are at the server");
        runner.Action(command, async (run, _) =>
        {
            var me = await WhoAmI.AskAsync(run.Server, await TokenCommand.TokenAsync(run), run.Cancel);
            var until = me.ExpiresAt is { } end ? $", until {Moment.Text(end, run.Around.Time)}" : "";
            run.Result(me, $"{me.Client} at {ServerChoice.Origin(run.Server)}{until}");
            return ExitCode.Done;
        });
        return command;
    }
}
