using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>emit TEXT…</c>: a message without destinations, for followers.</summary>
internal static class EmitCommand
{
    public static Command Create(Runner runner)
    {
        var text = new Argument<string[]>("TEXT") { Description = "the body; - for standard input", Arity = ArgumentArity.OneOrMore };
        var command = new Command("emit", "send without a destination: to your followers and your other sockets") { text };
        runner.Action(command, async (run, parsed) =>
        {
            var body = await SendCommand.BodyAsync(run, parsed.GetRequiredValue(text));
            await using var connection = await run.ConnectAsync();
            return SendCommand.Report(run, await connection.EmitAsync(body, ct: run.Cancel));
        });
        return command;
    }
}
