using System.CommandLine;
using Duplexity.Cli.Output;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>whoami</c>: who the server says I am; where several are signed in, each of them, the default one first.</summary>
internal static class WhoamiCommand
{
    public static Command Create(Runner runner)
    {
        var command = new Command("whoami", "print who you are at the server, and what you may do");
        runner.Action(command, async (run, _) =>
        {
            var server = run.Server;
            if (Credentials.SignedIn(run, server) is not { Count: > 1 } all)
            {
                Print(run, await WhoAmI.AskAsync(server, await TokenCommand.TokenAsync(run), run.Cancel), isDefault: null);
                return ExitCode.Done;
            }

            var known = 0;
            foreach (var client in all)
            {
                var isDefault = client == run.SignIns.ClientAt(server);
                try
                {
                    var token = await (await Credentials.OfAsync(run, server, client))(run.Cancel);
                    Print(run, await WhoAmI.AskAsync(server, token ?? throw new NotSignedInException("There is no token."), run.Cancel), isDefault);
                    known++;
                }
                catch (NotSignedInException e)
                {
                    run.Result(new { Client = client, IsDefault = isDefault, Problem = e.Message }, $"{client}: {e.Message}");
                }
            }

            return known > 0 ? ExitCode.Done : ExitCode.NotSignedIn;
        });
        return command;
    }

    private static void Print(Invocation run, WhoAmI me, bool? isDefault)
    {
        var until = me.ExpiresAt is { } end ? $", until {Moment.Text(end, run.Around.Time)}" : "";
        var marked = isDefault == true ? ", default" : "";
        var may = me.Allowances is { } allowances ? $", {AllowanceLine.Text(allowances)}" : "";
        run.Result(new { me.Client, me.ExpiresAt, me.Issuer, me.Clients, IsDefault = isDefault, me.Allowances }, $"{me.Client} at {ServerChoice.Origin(run.Server)}{marked}{until}{may}");
    }
}
