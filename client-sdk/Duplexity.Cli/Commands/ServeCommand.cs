using System.CommandLine;

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
        command.SetAction((parsed, _) => Task.FromException<int>(UsageException.NotYet("serve")));
        return command;
    }
}
