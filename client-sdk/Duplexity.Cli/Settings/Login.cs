using System.ComponentModel;
using System.Diagnostics;

namespace Duplexity.Cli.Settings;

/// <summary>Signs a person in at a server by a browser, and keeps it: the server, and the person there, are the default from then on.</summary>
internal static class Login
{
    private const string BrowserVariable = "BROWSER";

    /// <summary>Shows link and code, opens the browser where there is one, and waits. Returns who it is, and everybody who is signed in there.</summary>
    /// <exception cref="UsageException">The tokens would go over the network in clear.</exception>
    /// <exception cref="DuplexityException">Nobody came in time, or nobody signs in there.</exception>
    public static async Task<(string Client, IReadOnlyList<string> All)> PersonAsync(Invocation run, Uri server, bool isBrowserHere)
    {
        if (server.Scheme != "https" && !DevelopmentToken.IsLoopback(server))
        {
            throw new UsageException($"{ServerChoice.Origin(server)} is not https: whoever listens on the way would have your tokens.");
        }

        await using var signIn = await SignIn.StartAsync(server, $"duplexity on {System.Environment.MachineName}", isBrowserHere, run.Around.Time, run.Cancel);
        run.Terminal.Note($"open   {signIn.Link}");
        run.Terminal.Note($"code   {signIn.Code}   (only if the page asks for it; type it, never send it to anybody)");
        if (isBrowserHere && run.Terminal.Interactive)
        {
            Open(run, signIn.Link);
        }

        var tokens = await signIn.WaitAsync(run.Cancel);
        return (tokens.Client, await KeepAsync(run, server, tokens.Client, tokens));
    }

    /// <summary>Whether a person sits here who can be asked to sign in there.</summary>
    public static async Task<bool> CanAskAsync(Invocation run, Uri server) =>
        run.Terminal.Interactive && (server.Scheme == "https" || DevelopmentToken.IsLoopback(server)) && await WhoAmI.SignsInAsync(server, run.Cancel);

    /// <summary>Keeps who is signed in, without tokens on a development node. Returns everybody who is at that server.</summary>
    public static Task<IReadOnlyList<string>> KeepAsync(Invocation run, Uri server, string client, SignedIn? tokens) => SignIns.AloneAsync(run.Folder, signIns =>
    {
        signIns.SignIn(server, client, tokens);
        return Task.FromResult(signIns.ClientsAt(server));
    }, run.Cancel);

    private static void Open(Invocation run, Uri link)
    {
        var opener = run.Environment(BrowserVariable) ?? (OperatingSystem.IsMacOS() ? "open" : OperatingSystem.IsWindows() ? "explorer" : "xdg-open");
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
