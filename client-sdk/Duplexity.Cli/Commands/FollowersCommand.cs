using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>followers</c>: who may hear what one emits.</summary>
internal static class FollowersCommand
{
    public static Command Create(Runner runner)
    {
        var words = new Argument<string?>("WHO") { Description = "words with commas between: *, nobody, role:NAME, client:PATTERN; or default", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("followers", "who may follow you; without WHO: print it") { words };
        runner.Action(command, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            var followers = parsed.GetValue(words) switch
            {
                null => await connection.Followers.GetAsync(ct: run.Cancel),
                "default" => await connection.Followers.SetAsync(null, ct: run.Cancel),
                var text => await connection.Followers.SetAsync(text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), ct: run.Cancel),
            };
            run.Result(new { Followers = followers }, followers.Count == 0 ? "nobody" : string.Join(',', followers));
            return ExitCode.Done;
        });
        return command;
    }
}
