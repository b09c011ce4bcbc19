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
            if (await Credentials.IsDevelopmentAsync(run, to))
            {
                var client = run.NamedClient ?? System.Environment.UserName;
                await Credentials.DevelopmentAsync(run, to, client);
                Done(run, to, client, await KeepAsync(run, to, client, null));
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
            Done(run, to, tokens.Client, await KeepAsync(run, to, tokens.Client, tokens));
            return ExitCode.Done;
        });
        return command;
    }

    private static Task<IReadOnlyList<string>> KeepAsync(Invocation run, Uri server, string client, SignedIn? tokens) => SignIns.AloneAsync(run.Folder, signIns =>
    {
        signIns.SignIn(server, client, tokens);
        return Task.FromResult(signIns.ClientsAt(server));
    }, run.Cancel);

    private static void Done(Invocation run, Uri server, string client, IReadOnlyList<string> all)
    {
        run.Result(new { Client = client, Server = server, Clients = all }, $"signed in as {client} at {ServerChoice.Origin(server)}");
        if (all.Count > 1)
        {
            run.Terminal.Note($"{client} is the default here now; pick another with --as: {string.Join(", ", all)}");
        }
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
