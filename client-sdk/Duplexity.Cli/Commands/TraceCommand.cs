using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>trace MESSAGE-ID</c>: a message's way, step by step; <c>trace --start TARGET</c> begins to keep such ways. For administrators.</summary>
internal static class TraceCommand
{
    public static Command Create(Runner runner)
    {
        var id = new Argument<string?>("MESSAGE-ID") { Description = "the message, as its receipt names it", Arity = ArgumentArity.ZeroOrOne };
        var start = new Option<string?>("--start") { HelpName = "TARGET", Description = "trace from now on what client:CID sends, or what is sent to a channel" };
        var minutes = new Option<int>("--minutes") { HelpName = "N", Description = "with --start: for how long", DefaultValueFactory = _ => 5 };
        var command = new Command("trace", "a message's way, step by step") { id, start, minutes };
        runner.Action(command, async (run, parsed) =>
        {
            var (message, target) = (parsed.GetValue(id), parsed.GetValue(start));
            if (message is null == target is null)
            {
                throw new UsageException("Give a MESSAGE-ID, or --start TARGET.");
            }

            await using var connection = await run.ConnectAsync();
            if (target is not null)
            {
                var until = await connection.Sockets.StartTraceAsync(Addresses.One(target), parsed.GetValue(minutes), ct: run.Cancel);
                run.Result(new { target = Addresses.One(target).ToString(), until }, $"traced until {until.ToLocalTime():HH:mm:ss}");
                return ExitCode.Done;
            }

            run.Results(
                await connection.Sockets.TraceAsync(message!, ct: run.Cancel),
                ["AT", "STEP", "ACTION", "TARGET", "WHY"],
                h => [$"{DateTimeOffset.FromUnixTimeMilliseconds(h.At).ToLocalTime():HH:mm:ss.fff}", h.Step, h.Action, h.Target ?? "", h.Error is { } error ? $"{error.Gate}: {error.Sentence}" : ""]);
            return ExitCode.Done;
        });
        return command;
    }
}
