using System.CommandLine;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>logout</c>: forgets who is signed in at the server.</summary>
internal static class LogoutCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("logout", "sign out");
        runner.Action(command, async (run, _) =>
        {
            var server = run.Server;
            foreach (var client in run.SignIns.ClientsAt(server))
            {
                // Here it is forgotten in any case; there, if the server can be reached.
                if (run.SignIns.TokensOf(server, client)?.RefreshToken is { } handle)
                {
                    try
                    {
                        await AccessTokens.LogoutAsync(server, handle, run.Cancel);
                    }
                    catch (DuplexityException e)
                    {
                        run.Terminal.Note($"{client}'s sign-in could not be ended at the server ({e.Message}); its handle is forgotten here");
                    }
                }
            }

            run.Terminal.Note(run.SignIns.SignOut(server) ? $"signed out at {ServerChoice.Origin(server)}" : $"nobody was signed in at {ServerChoice.Origin(server)}");
            return ExitCode.Done;
        });
        return command;
    }
}
