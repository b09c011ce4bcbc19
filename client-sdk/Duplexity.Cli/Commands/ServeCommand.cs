using System.CommandLine;
using Duplexity.Host;

namespace Duplexity.Cli.Commands;

/// <summary><c>serve</c>: the service itself, in this process.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var command = new Command("serve", "run a node here, with the embedded engine; takes the service's settings, such as --urls http://localhost:5080")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        command.SetAction(async (parsed, _) =>
        {
            // The host listens to Ctrl+C and SIGTERM itself, and ends in order.
            await HostProgram.RunAsync([.. parsed.UnmatchedTokens]);
            return ExitCode.Done;
        });
        return command;
    }
}
