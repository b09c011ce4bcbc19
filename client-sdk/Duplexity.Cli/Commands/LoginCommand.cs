using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
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
            if (Credentials.IsDevelopment(to))
            {
                var client = run.NamedClient ?? System.Environment.UserName;
                await Credentials.DevelopmentAsync(run, to, client);
                run.SignIns.SignIn(to, client);
                run.Result(new { Client = client, Server = to }, $"signed in as {client} at {ServerChoice.Origin(to)}");
                return ExitCode.Done;
            }

            if (to.Scheme != "https" && !DevelopmentToken.IsLoopback(to))
            {
                throw new UsageException($"{ServerChoice.Origin(to)} is not https: whoever listens on the way would have your tokens.");
            }

            var isBrowserHere = !parsed.GetValue(noBrowser);
            await using var signIn = await SignIn.StartAsync(to, $"duplexity on {System.Environment.MachineName}", isBrowserHere, run.Around.Time, run.Cancel);
            run.Terminal.Note($"open   {signIn.Link}");
            run.Terminal.Note($"code   {signIn.Code}   (only if the page asks for it; type it, never send it to anybody)");
            if (isBrowserHere && run.Terminal.Interactive)
            {
                Open(signIn.Link);
            }

            var tokens = await signIn.WaitAsync(run.Cancel);
            var all = await SignIns.AloneAsync(run.Folder, signIns =>
            {
                signIns.SignIn(to, tokens.Client, tokens);
                return Task.FromResult(signIns.ClientsAt(to));
            }, run.Cancel);
            run.Result(new { tokens.Client, Server = to, Clients = all }, $"signed in as {tokens.Client} at {ServerChoice.Origin(to)}");
            return ExitCode.Done;
        });
        return command;
    }

    private static void Open(Uri link)
    {
        var opener = OperatingSystem.IsMacOS() ? "open" : OperatingSystem.IsWindows() ? "explorer" : "xdg-open";
        try
        {
            using var _ = Process.Start(new ProcessStartInfo(opener, [link.AbsoluteUri]) { RedirectStandardOutput = true, RedirectStandardError = true });
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            // No browser here: the link is on the screen.
        }
    }
}
