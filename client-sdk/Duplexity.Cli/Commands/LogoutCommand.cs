using System.CommandLine;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>logout</c>: forgets who is signed in at the server.</summary>
internal static class LogoutCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("logout", "sign out");
        runner.Action(command, (run, _) =>
        {
            var server = run.Server;
            run.Terminal.Note(run.SignIns.SignOut(server) ? $"signed out at {ServerChoice.Origin(server)}" : $"nobody was signed in at {ServerChoice.Origin(server)}");
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
