using System.CommandLine;

namespace Duplexity.Cli;

/// <summary>Gives a command its <see cref="Invocation"/>: what commands share without knowing how the command line is read.</summary>
internal sealed class Runner(Surroundings around, GlobalOptions global)
{
    /// <summary>Makes <paramref name="run"/> the command's action.</summary>
    public void Action(Command command, Func<Invocation, ParseResult, Task<int>> run) =>
        command.SetAction((parsed, cancel) => run(Open(parsed, cancel), parsed));

    private Invocation Open(ParseResult parsed, CancellationToken cancel) =>
        new(around, parsed.GetValue(global.Server), parsed.GetValue(global.As), parsed.GetValue(global.Json), parsed.GetValue(global.Insecure), cancel);
}
