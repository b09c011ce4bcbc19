using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>tail CHANNEL…</c>: prints the last messages and then what comes; never acknowledges.</summary>
internal static class TailCommand
{
    public static Command Create(Runner runner)
    {
        var channels = new Argument<string[]>("CHANNEL") { Description = "lobby (a room) · feed:amy · client:ME (your inbox)", Arity = ArgumentArity.OneOrMore };
        var last = new Option<int>("-n") { Description = "begin with the last N of each", HelpName = "N" };
        var since = new Option<string?>("--since") { Description = "begin behind this place", HelpName = "OFFSET@EPOCH" };
        var count = new Option<int?>("--count") { Description = "stop after this many messages", HelpName = "N" };
        var command = new Command("tail", "print messages as they come") { channels, last, since, count };
        runner.Action(command, (run, parsed) =>
        {
            var addresses = parsed.GetRequiredValue(channels).Select(Addresses.One).Distinct().ToArray();
            var from = new JoinOptions { Last = Places.Count(parsed.GetValue(last), "-n"), Since = Places.Since(parsed.GetValue(since)), Ack = AckMode.None };
            if (from.Since is not null && addresses.Length > 1)
            {
                throw new UsageException("--since is a place in one channel; name only one.");
            }

            return RunAsync(run, addresses, from, parsed.GetValue(count) is { } limit ? Places.Count(limit, "--count") : int.MaxValue);
        });
        return command;
    }

    private static async Task<int> RunAsync(Invocation run, Address[] addresses, JoinOptions from, int count)
    {
        await using var connection = await run.ConnectAsync(o => o.WithInbox(from));
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(run.Cancel);
        var left = count;
        try
        {
            await run.WhileOpenAsync(connection, stop =>
            {
                var linked = CancellationTokenSource.CreateLinkedTokenSource(stop, enough.Token);
                return Task.WhenAll(addresses.Select(a => PrintAsync(run, connection, a, from, TakeOne, linked.Token))).ContinueWith(t =>
                {
                    linked.Dispose();
                    return t;
                }, TaskScheduler.Default).Unwrap();
            });
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested && !run.Cancel.IsCancellationRequested)
        {
            // --count is reached: the end that was asked for.
        }

        return ExitCode.Done;

        bool TakeOne()
        {
            var now = Interlocked.Decrement(ref left);
            if (now <= 0)
            {
                enough.Cancel();
            }

            return now >= 0;
        }
    }

    private static async Task PrintAsync(Invocation run, DuplexityConnection connection, Address channel, JoinOptions from, Func<bool> takeOne, CancellationToken stop)
    {
        await using var subscription = await connection.ListenAsync(channel, from, stop);
        using var gaps = subscription.OnGap(gap => run.Terminal.Note($"{gap.Channel}: messages between {gap.From} and {gap.To} may be missing"));
        run.Terminal.Note($"listening to {channel}");
        await foreach (var message in subscription.ReadAllAsync(stop))
        {
            if (!takeOne.Invoke())
            {
                return;
            }

            run.Terminal.Line(run.Json ? JsonLine.Of(MessageLine.Json(message)) : MessageLine.Text(message, run.Around.Time));
        }
    }
}
