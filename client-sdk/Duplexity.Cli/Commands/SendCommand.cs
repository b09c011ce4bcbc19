using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>send TO[,TO…] TEXT…</c>: one message to listed destinations.</summary>
internal static class SendCommand
{
    public static Command Create(Runner runner)
    {
        var to = new Argument<string>("TO[,TO…]") { Description = "lobby (a room) · client:amy · feed:amy · socket:ID" };
        var text = new Argument<string[]>("TEXT") { Description = "the body; - for standard input", Arity = ArgumentArity.OneOrMore };
        var wait = new Option<string?>("--wait") { Description = "accepted · stored (default)", HelpName = "LEVEL" };
        var command = new Command("send", "send a message to rooms, clients or sockets") { to, text, wait };
        runner.Action(command, async (run, parsed) =>
        {
            var destinations = Addresses.List(parsed.GetRequiredValue(to));
            var options = new SendOptions { Level = Level(parsed.GetValue(wait)) };
            var body = await BodyAsync(run, parsed.GetRequiredValue(text));
            await using var connection = await run.ConnectAsync();
            return Report(run, await connection.SendAsync(destinations, body, options, run.Cancel));
        });
        return command;
    }

    /// <summary>The body that the arguments stand for: their words, or standard input without its last line end.</summary>
    public static async Task<string> BodyAsync(Invocation run, string[] words)
    {
        if (words is not ["-"])
        {
            return string.Join(' ', words);
        }

        var all = await run.Terminal.ReadAllAsync(run.Cancel);
        return all.EndsWith("\r\n", StringComparison.Ordinal) ? all[..^2] : all.EndsWith('\n') ? all[..^1] : all;
    }

    /// <summary>Prints what became of the message; a destination that did not take it is a failure.</summary>
    public static int Report(Invocation run, Receipt receipt)
    {
        if (run.Json)
        {
            run.Terminal.Line(JsonLine.Of(ReceiptLine.Json(receipt)));
        }

        foreach (var destination in receipt.Destinations)
        {
            if (destination.Error is { } error)
            {
                run.Terminal.Fail($"{destination.To}: {error.Sentence}");
            }
            else if (!run.Json)
            {
                run.Terminal.Line($"{ReceiptLine.Word(receipt.Level)} {destination.To} {destination.Position}");
            }
        }

        return receipt.Destinations.FirstOrDefault(d => d.Error is not null)?.Error is { } first ? ExitCode.Of(first.Code) : ExitCode.Done;
    }

    private static ReceiptLevel? Level(string? word) => word switch
    {
        null => null,
        "accepted" => ReceiptLevel.Accepted,
        "stored" => ReceiptLevel.Stored,
        "delivered" or "acknowledged" => throw UsageException.NotYet($"--wait {word}"),
        _ => throw new UsageException($"\"{word}\" is not a level to wait for; write accepted or stored."),
    };
}
