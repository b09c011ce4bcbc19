using System.CommandLine;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>login [SERVER]</c>: makes a server and an identity there the default. On a development node, for any name.</summary>
internal static class LoginCommand
{
    public static Command Create(Runner runner)
    {
        var server = new Argument<string?>("SERVER") { Description = "becomes the default", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("login", "sign in") { server };
        runner.Action(command, async (run, parsed) =>
        {
            var to = parsed.GetValue(server) is { } named ? ServerChoice.Parse(named) : run.Server;
            var client = run.NamedClient ?? System.Environment.UserName;
            await Credentials.DevelopmentAsync(run, to, client);
            run.SignIns.SignIn(to, client);
            run.Result(new { Client = client, Server = to }, $"signed in as {client} at {ServerChoice.Origin(to)}");
            return ExitCode.Done;
        });
        return command;
    }
}
