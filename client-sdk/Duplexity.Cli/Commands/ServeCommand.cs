using System.CommandLine;
using Duplexity.Host;

namespace Duplexity.Cli.Commands;

/// <summary><c>serve</c>: the service itself, in this process.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var check = new Option<bool>("--check") { Description = "start nothing: print each setting, where it came from, and what is missing (exit code 1)" };
        var command = new Command("serve", "run a node here, with the embedded engine; takes the service's settings, such as --urls http://localhost:5080")
        {
            check,
        };
        command.TreatUnmatchedTokensAsErrors = false;

        // The host listens to Ctrl+C and SIGTERM itself, and ends in order.
        command.SetAction((parsed, _) => HostProgram.RunAsync([.. parsed.UnmatchedTokens, .. parsed.GetValue(check) ? [HostProgram.CheckOption] : Array.Empty<string>()], "duplexity"));
        return command;
    }
}
