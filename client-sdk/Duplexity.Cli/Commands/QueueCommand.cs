using System.CommandLine;
using System.Globalization;
using Duplexity.Cli.Output;
using Duplexity.Protocol;

namespace Duplexity.Cli.Commands;

/// <summary><c>queue [NAME]</c>: the requests that the server keeps while you are away; replayed by hand, thrown away, or ended as a whole.</summary>
internal static class QueueCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string?>("NAME") { Description = "the pipe: what it keeps; without one: all your queues", Arity = ArgumentArity.ZeroOrOne };
        var queue = new Command("queue", "requests that are kept while you are away (up --offline queue)") { name };
        runner.Action(queue, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            if (parsed.GetValue(name) is { } asked)
            {
                await ShowAsync(run, connection.Pipes.Queues, asked);
                return ExitCode.Done;
            }

            run.Results(await connection.Pipes.Queues.ListAsync(ct: run.Cancel), ["NAME", "WAITING", "BYTES", "GIVEN UP", "KEEPS", "ENDS"], q =>
                [q.Name, Number(q.Waiting), Number(q.Bytes), Number(q.Dead), q.IsKeeping ? "yes" : "no", Moment.Text(q.EndsAt, run.Around.Time)]);
            return ExitCode.Done;
        });
        queue.Add(One(runner, "replay", "put one that was given up at the end of its queue", "ID", (queues, id, ct) => queues.ReplayAsync(id, ct: ct), id => $"{id} waits again"));
        queue.Add(One(runner, "discard", "throw one away", "ID", (queues, id, ct) => queues.DiscardAsync(id, ct: ct), id => $"{id} is gone"));
        queue.Add(One(runner, "remove", "end a queue, with all that it keeps", "NAME", (queues, of, ct) => queues.RemoveAsync(of, ct: ct), of => $"{of} keeps nothing any more"));
        return queue;
    }

    private static async Task ShowAsync(Invocation run, Queues queues, string name)
    {
        var requests = new List<QueuedRequest>();
        await foreach (var request in queues.ReadAsync(name, ct: run.Cancel))
        {
            requests.Add(request);
        }

        run.Results(requests, ["ID", "STATE", "CAME", "METHOD", "TARGET", "BYTES", "ATTEMPTS", "STATUS"], r =>
        [
            r.Id, r.State, Moment.Text(r.At, run.Around.Time), VisibleText.Of(r.Method, VisibleText.LogLength), VisibleText.Of(r.Target, VisibleText.LogLength), Number(r.Bytes), Number(r.Attempts),
            r.Status is { } status ? Number(status) : r.State == QueuedState.Dead ? "none" : "",
        ]);
    }

    private static Command One(Runner runner, string verb, string what, string argument, Func<Queues, string, CancellationToken, Task> act, Func<string, string> said)
    {
        var which = new Argument<string>(argument);
        var command = new Command(verb, what) { which };
        runner.Action(command, async (run, parsed) =>
        {
            var value = parsed.GetRequiredValue(which);
            await using var connection = await run.ConnectAsync();
            await act(connection.Pipes.Queues, value, run.Cancel);
            run.Terminal.Note(said(VisibleText.Of(value, VisibleText.LogLength)));
            return ExitCode.Done;
        });
        return command;
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
