using System.CommandLine;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>token</c>: prints an access token, for scripts and stock clients.</summary>
internal static class TokenCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("token", "print an access token, for scripts");
        runner.Action(command, async (run, _) =>
        {
            var token = await TokenAsync(run);
            run.Result(new { AccessToken = token }, token);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>A token for the server and identity of this run.</summary>
    public static async Task<string> TokenAsync(Invocation run) =>
        await (await Credentials.FindAsync(run, run.Server))(run.Cancel) ?? throw new NotSignedInException($"Nobody is signed in at {ServerChoice.Origin(run.Server)}.");
}
