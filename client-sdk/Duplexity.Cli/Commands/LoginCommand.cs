using System.CommandLine;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary><c>login [SERVER]</c>: signs a person in, and makes the server and the identity there the default. On a development node, for any name.</summary>
internal static class LoginCommand
{
    public static Command Create(Runner runner)
    {
        var server = new Argument<string?>("SERVER") { Description = "becomes the default", Arity = ArgumentArity.ZeroOrOne };
        var noBrowser = new Option<bool>("--no-browser") { Description = "the browser is on another machine: type the code there" };
        var command = new Command("login", "sign in") { server, noBrowser };
        runner.Action(command, async (run, parsed) =>
        {
            var to = parsed.GetValue(server) is { } named ? ServerChoice.Parse(named) : run.Server;
            if (await Credentials.IsDevelopmentAsync(run, to))
            {
                var client = run.NamedClient ?? System.Environment.UserName;
                await Credentials.DevelopmentAsync(run, to, client);
                Done(run, to, client, await Login.KeepAsync(run, to, client, null));
                return ExitCode.Done;
            }

            var (person, all) = await Login.PersonAsync(run, to, isBrowserHere: !parsed.GetValue(noBrowser));
            Done(run, to, person, all);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Done(Invocation run, Uri server, string client, IReadOnlyList<string> all)
    {
        run.Result(new { Client = client, Server = server, Clients = all }, $"signed in as {client} at {ServerChoice.Origin(server)}");
        if (all.Count > 1)
        {
            run.Terminal.Note($"{client} is the default here now; pick another with --as: {string.Join(", ", all)}");
        }
    }
}
