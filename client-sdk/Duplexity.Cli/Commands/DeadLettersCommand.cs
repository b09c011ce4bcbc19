using System.CommandLine;
using System.Globalization;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>dead-letters</c>: what the own inbox gave up; shown, put back, or let go.</summary>
internal static class DeadLettersCommand
{
    public static Command Create(Runner runner)
    {
        var list = new Command("dead-letters", "messages that your inbox gave up: offered and never acknowledged");
        runner.Action(list, async (run, _) =>
        {
            await using var connection = await run.ConnectAsync();
            var letters = await connection.Inbox.DeadLettersAsync(run.Cancel).ToListAsync(run.Cancel);
            if (run.Json)
            {
                letters.ForEach(l => run.Terminal.Line(Json(l)));
                return ExitCode.Done;
            }

            run.Results(letters, ["ID", "FROM", "SENT", "GIVEN UP", "ATTEMPTS"], l =>
            [
                l.Message.Id, l.Message.From.Client, Moment.Text(l.Message.SentAt.ToUnixTimeMilliseconds(), run.Around.Time), Moment.Text(l.At.ToUnixTimeMilliseconds(), run.Around.Time),
                l.Attempts.ToString(CultureInfo.InvariantCulture),
            ]);
            return ExitCode.Done;
        });

        var id = new Argument<string>("ID") { Description = "the message's id, as dead-letters lists it" };
        var show = new Command("show", "print one") { id };
        runner.Action(show, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            await foreach (var letter in connection.Inbox.DeadLettersAsync(run.Cancel))
            {
                if (letter.Message.Id == parsed.GetValue(id))
                {
                    run.Terminal.Line(run.Json ? Json(letter) : MessageLine.Short(letter.Message, run.Around.Time));
                    return ExitCode.Done;
                }
            }

            run.Terminal.Fail($"There is no dead letter {parsed.GetValue(id)}.");
            return ExitCode.Failed;
        });

        list.Add(show);
        list.Add(Each(runner, "replay", "put one into the inbox anew; --all: each of them", id, (inbox, letter, ct) => inbox.ReplayAsync(letter, ct), (letter, anew) => $"{letter} is back as {anew}"));
        list.Add(Each(runner, "discard", "let one go for good; --all: each of them", id, async (inbox, letter, ct) =>
        {
            await inbox.DiscardAsync(letter, ct);
            return letter;
        }, (letter, _) => $"{letter} is gone"));
        return list;
    }

    private static Command Each(Runner runner, string name, string what, Argument<string> id, Func<Inbox, string, CancellationToken, Task<string>> act, Func<string, string, string> said)
    {
        var one = new Argument<string?>(id.Name) { Description = id.Description, Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "each of them" };
        var command = new Command(name, what) { one, all };
        runner.Action(command, async (run, parsed) =>
        {
            if (parsed.GetValue(one) is null != parsed.GetValue(all))
            {
                throw new UsageException($"Name one dead letter, or write {name} --all.");
            }

            await using var connection = await run.ConnectAsync();
            string[] letters = parsed.GetValue(one) is { } single ? [single] : [.. (await connection.Inbox.DeadLettersAsync(run.Cancel).ToListAsync(run.Cancel)).Select(l => l.Message.Id)];
            foreach (var letter in letters)
            {
                var result = await act(connection.Inbox, letter, run.Cancel);
                run.Result(new { Id = letter, MessageId = result }, said(letter, result));
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static string Json(DeadMessage letter) => JsonLine.Of(new { Message = MessageLine.Json(letter.Message), letter.Attempts, At = letter.At.ToUnixTimeMilliseconds() });
}
