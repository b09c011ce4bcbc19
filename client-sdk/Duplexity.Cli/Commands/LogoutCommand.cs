using System.CommandLine;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>logout</c>: forgets who is signed in at the server, with <c>--as</c> that one alone.</summary>
internal static class LogoutCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("logout", "sign out; with --as that one alone");
        runner.Action(command, async (run, _) =>
        {
            var server = run.Server;
            var leaving = run.NamedClient is { } named ? [named] : run.SignIns.ClientsAt(server);
            foreach (var client in leaving)
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

            var gone = await SignIns.AloneAsync(run.Folder, signIns => Task.FromResult(leaving.Where(c => signIns.SignOut(server, c)).ToArray()), run.Cancel);
            var who = gone.Length > 0 ? string.Join(", ", gone) : null;
            run.Terminal.Note(who is not null ? $"{who} signed out at {ServerChoice.Origin(server)}" : $"{run.NamedClient ?? "nobody"} was not signed in at {ServerChoice.Origin(server)}");
            return ExitCode.Done;
        });
        return command;
    }
}
