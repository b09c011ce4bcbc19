using System.CommandLine;
using Duplexity.Host;
using Microsoft.Extensions.Options;

namespace Duplexity.Cli.Commands;

/// <summary><c>serve</c>: the service itself, in this process.</summary>
internal static class ServeCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new Command("serve", "run a node here, with the embedded engine; takes the service's settings, such as --urls http://localhost:5080")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        command.SetAction(async (parsed, _) =>
        {
            // The host listens to Ctrl+C and SIGTERM itself, and ends in order.
            try
            {
                return await HostProgram.RunAsync([.. parsed.UnmatchedTokens], "duplexity");
            }
            catch (OptionsValidationException e)
            {
                // What to set, with an example to copy: more than a line, and our own words.
                foreach (var line in e.Failures.SelectMany(f => f.Split('\n')))
                {
                    terminal.Note(line.TrimEnd());
                }

                return ExitCode.Failed;
            }
        });
        return command;
    }
}
