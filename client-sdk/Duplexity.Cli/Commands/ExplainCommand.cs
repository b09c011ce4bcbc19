using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>explain OP TARGET</c>: which gate would refuse, and why. Exit 5 where one would.</summary>
internal static class ExplainCommand
{
    public static Command Create(Runner runner)
    {
        var operation = new Argument<string>("OP") { Description = "send, join, receive, publish, administer or lock" };
        var target = new Argument<string>("TARGET") { Description = "an address (a bare word is a room); for publish a public name" };
        var command = new Command("explain", "which gate would refuse, and why") { operation, target };
        runner.Action(command, async (run, parsed) =>
        {
            var (asked, on) = (parsed.GetValue(operation)!, parsed.GetValue(target)!);
            await using var connection = await run.ConnectAsync();
            var answer = await connection.ExplainAsync(asked, asked == "publish" ? on : Addresses.One(asked == "lock" && !on.Contains(':') ? $"lockspace:{on}" : on).ToString(), ct: run.Cancel);
            run.Results(answer.Gates ?? [], ["STEP", "GATE", "ANSWER"], g => [g.Step, g.Gate, g.Error?.Sentence ?? "passes"]);
            return answer.Allowed == true ? ExitCode.Done : ExitCode.NotAllowed;
        });
        return command;
    }
}
