using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>history CHANNEL</c>: what the log holds, oldest first, without listening.</summary>
internal static class HistoryCommand
{
    // A page of the server's: what fits a screen several times over; --since reads on from there.
    private const int DefaultCount = 100;

    public static Command Create(Runner runner)
    {
        var channel = new Argument<string>("CHANNEL") { Description = "lobby (a room) · feed:amy · client:ME" };
        var last = new Option<int>("-n") { Description = "the last N; with --since the first N behind it (default 100)", HelpName = "N", DefaultValueFactory = _ => DefaultCount };
        var since = new Option<string?>("--since") { Description = "what stands behind this place", HelpName = "OFFSET@EPOCH" };
        var command = new Command("history", "print what a channel's log holds") { channel, last, since };
        runner.Action(command, (run, parsed) =>
            RunAsync(run, Addresses.One(parsed.GetRequiredValue(channel)), Places.Count(parsed.GetValue(last), "-n"), Places.Since(parsed.GetValue(since))));
        return command;
    }

    private static async Task<int> RunAsync(Invocation run, Address channel, int count, Position? since)
    {
        await using var connection = await run.ConnectAsync();
        var messages = new List<Message>();
        if (count > 0)
        {
            await foreach (var message in connection.HistoryAsync(channel, new HistoryOptions { Since = since, Limit = count, Reverse = since is null }, run.Cancel))
            {
                messages.Add(message);
            }
        }

        // Read from the end to find the last N, shown as they came.
        if (since is null)
        {
            messages.Reverse();
        }

        foreach (var message in messages)
        {
            run.Terminal.Line(run.Json ? JsonLine.Of(MessageLine.Json(message)) : MessageLine.Short(message, run.Around.Time));
        }

        return ExitCode.Done;
    }
}
