using System.CommandLine;

namespace Duplexity.Cli;

/// <summary>The options that stand before or after any command.</summary>
internal sealed class GlobalOptions
{
    public Option<string?> Server { get; } = new("--server")
    {
        Description = "the server (DUPLEXITY_SERVER; else the one you last signed in to, else http://localhost:5080)",
        HelpName = "URL",
        Recursive = true,
    };

    public Option<string?> As { get; } = new("--as")
    {
        Description = "act as this client (DUPLEXITY_AS); on a development node on this machine any name is signed in on the spot",
        HelpName = "CLIENT",
        Recursive = true,
    };

    public Option<bool> Insecure { get; } = new("--insecure") { Description = "send DUPLEXITY_KEY or DUPLEXITY_TOKEN to another machine over plain http", Recursive = true };

    public Option<bool> Json { get; } = new("--json") { Description = "one JSON object a line", Recursive = true };

    public void AddTo(RootCommand root)
    {
        root.Add(Server);
        root.Add(As);
        root.Add(Json);
        root.Add(Insecure);
    }
}
