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
        var wait = new Option<string?>("--wait") { Description = "accepted · stored (default) · delivered · acknowledged", HelpName = "LEVEL" };
        var within = new Option<string?>("--within") { Description = "how long to wait to be delivered or acknowledged (30s, 5m; default 10s)", HelpName = "TIME" };
        var command = new Command("send", "send a message to rooms, clients or sockets") { to, text, wait, within };
        runner.Action(command, async (run, parsed) =>
        {
            var destinations = Addresses.List(parsed.GetRequiredValue(to));
            var options = new SendOptions { Level = Level(parsed.GetValue(wait)), Within = parsed.GetValue(within) is { } time ? LockCommand.Duration(time) : null };
            var body = await BodyAsync(run, parsed.GetRequiredValue(text));
            await using var connection = await run.ConnectAsync();
            var receipt = await connection.SendAsync(destinations, body, options, run.Cancel);
            var exit = Report(run, receipt);
            if (exit == ExitCode.Done && options.Level > ReceiptLevel.Stored && receipt.Level < options.Level)
            {
                run.Terminal.Fail($"It is stored, and was not {ReceiptLine.Word(options.Level.Value)} in that time.");
                return ExitCode.Failed;
            }

            return exit;
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
        "delivered" => ReceiptLevel.Delivered,
        "acknowledged" => ReceiptLevel.Acknowledged,
        _ => throw new UsageException($"\"{word}\" is not a level to wait for; write accepted, stored, delivered or acknowledged."),
    };
}
