using System.CommandLine;
using System.Globalization;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>inbox</c>: reads one's own inbox, and acknowledges what it has printed; <c>inbox ack</c> acknowledges by hand.</summary>
internal static class InboxCommand
{
    public static Command Create(Runner runner)
    {
        var reader = new Option<string?>("--reader") { Description = "a place of this device's own; default: the one that all your programs share", HelpName = "NAME" };
        var ack = new Option<string?>("--ack") { Description = "auto: what was printed (default) · manual: by inbox ack, else it comes again · none: only look, from now on", HelpName = "WHO" };
        var count = new Option<int?>("--count") { Description = "stop after this many messages", HelpName = "N" };
        var inbox = new Command("inbox", "read your inbox: what waits there, then what comes") { reader, ack, count };
        runner.Action(inbox, (run, parsed) =>
            ReadAsync(run, parsed.GetValue(reader), parsed.GetValue(ack) ?? "auto", parsed.GetValue(count) is { } limit ? Places.Count(limit, "--count") : int.MaxValue));

        var place = new Argument<string>("PLACE") { Description = "as inbox --ack manual printed it" };
        var attempt = new Option<int?>("--attempt") { Description = "only if it was not offered again since", HelpName = "N" };
        var acknowledge = new Command("ack", "acknowledge a message that was read by hand") { place, attempt, reader };
        runner.Action(acknowledge, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync(o => o.WithInbox(new() { Reader = parsed.GetValue(reader), Ack = AckMode.Manual }));
            await connection.Inbox.AcknowledgeAsync(Places.Since(parsed.GetRequiredValue(place))!, parsed.GetValue(attempt), run.Cancel);
            return ExitCode.Done;
        });
        inbox.Add(acknowledge);
        return inbox;
    }

    private static async Task<int> ReadAsync(Invocation run, string? reader, string ack, int count)
    {
        var mode = ack switch
        {
            // By hand as well, so that what was not printed any more is not acknowledged either.
            "auto" or "manual" => AckMode.Manual,
            "none" when reader is null => AckMode.None,
            "none" => throw new UsageException("--ack none only looks, and has no place to keep; leave --reader out."),
            _ => throw new UsageException($"\"{ack}\" says nothing of who acknowledges; write auto, manual or none."),
        };
        await using var connection = await run.ConnectAsync(o => o.WithInbox(new() { Reader = reader, Ack = mode }));
        await run.WhileOpenAsync(connection, async stop =>
        {
            var inbox = await connection.InboxAsync(stop);
            using var gaps = inbox.OnGap(gap => run.Terminal.Note($"messages between {gap.From} and {gap.To} may be missing"));
            run.Terminal.Note(string.Create(CultureInfo.InvariantCulture, $"listening to {inbox.Address}; {inbox.Waiting} wait"));
            if (count == 0)
            {
                return;
            }

            var left = count;
            await foreach (var message in inbox.ReadAllAsync(stop))
            {
                var text = MessageLine.Short(message, run.Around.Time);
                run.Terminal.Line(run.Json ? JsonLine.Of(MessageLine.Json(message))
                    : ack != "manual" ? text
                    : string.Create(CultureInfo.InvariantCulture, $"{message.Position} {message.Attempt} {text}"));
                if (ack == "auto")
                {
                    await AcknowledgeAsync(inbox, message, stop);
                }

                if (--left == 0)
                {
                    return;
                }
            }
        });
        return ExitCode.Done;
    }

    private static async Task AcknowledgeAsync(Inbox inbox, Message message, CancellationToken stop)
    {
        try
        {
            await inbox.AcknowledgeAsync(message, stop);
        }
        catch (DuplexityException e) when (e.Error.Is(Errors.Taken) || e.Error.Is(Errors.StaleAttempt))
        {
            // Another program of this client was first, or the next attempt is on its way.
        }
    }
}
