using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>chat ROOM</c>: a conversation in a room, direct messages included.</summary>
internal static class ChatCommand
{
    // Enough to see what the talk is about.
    private const int Backlog = 20;

    private const string Commands = "/who · /msg NAME TEXT · /quit · //text for a line that begins with /";

    public static Command Create(Runner runner)
    {
        var room = new Argument<string>("ROOM") { Description = "the room's name" };
        var command = new Command("chat", "talk in a room") { room };
        runner.Action(command, async (run, parsed) =>
        {
            var address = Addresses.One(parsed.GetRequiredValue(room));
            if (address.Kind != AddressKind.Room)
            {
                throw new UsageException($"{address} is not a room.");
            }

            await using var connection = await run.ConnectAsync();
            await run.WhileOpenAsync(connection, stop => TalkAsync(run, connection, address, stop));
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task TalkAsync(Invocation run, DuplexityConnection connection, Address address, CancellationToken stop)
    {
        await using var room = await connection.JoinAsync(address.Name, new JoinOptions { Last = Backlog, Presence = true }, stop);
        using var messages = room.OnMessage((m, _) => Print(run, MessageLine.Short(m, run.Around.Time), m));
        using var gaps = room.OnGap(_ => run.Terminal.Note("some messages may be missing here"));
        using var direct = (await connection.InboxAsync(stop)).OnMessage((m, _) => Print(run, $"{MessageLine.Short(m, run.Around.Time)} (to you alone)", m));
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var presence = WatchAsync(run, room, done.Token);
        run.Terminal.Note($"you are {connection.Client} in {address} · {Commands}");
        while (await run.Terminal.ReadLineAsync(stop) is { } line && line.Trim() != "/quit")
        {
            try
            {
                await SayAsync(run, connection, room, line, stop);
            }
            catch (DuplexityException e) when (e.Kind != ErrorKind.Closed)
            {
                // One refused line does not end the conversation.
                run.Terminal.Fail(e.Message);
            }
        }

        await done.CancelAsync();
        await presence;
    }

    /// <summary>Says who comes and who leaves, for people: scripts have <c>presence --watch --json</c>.</summary>
    private static async Task WatchAsync(Invocation run, Room room, CancellationToken stop)
    {
        try
        {
            var isFirst = true;
            await foreach (var change in room.WatchPresenceAsync(stop))
            {
                foreach (var line in isFirst || run.Json ? [] : PresenceLine.Of(change))
                {
                    run.Terminal.Note(line);
                }

                isFirst = false;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or DuplexityException)
        {
            // The talk is over, or the room does not tell: then it is talked in without.
        }
    }

    private static async Task SayAsync(Invocation run, DuplexityConnection connection, Room room, string line, CancellationToken stop)
    {
        switch (line.Trim().Split(' ', 3, StringSplitOptions.RemoveEmptyEntries))
        {
            case []:
                return;
            case ["/who"]:
                var presence = await room.PresenceAsync(stop);
                run.Terminal.Line(string.Join(' ', presence.Members.Select(m => m.Client)));
                return;
            case ["/msg", var name, var text] when Address.IsClientId(name):
                await connection.SendAsync(Address.Client(name), text, ct: stop);
                return;
            case [['/', not '/', ..], ..]:
                run.Terminal.Note(Commands);
                return;
            default:
                await room.SendAsync(line.StartsWith("//", StringComparison.Ordinal) ? line[1..] : line, ct: stop);
                return;
        }
    }

    private static ValueTask Print(Invocation run, string line, Message message)
    {
        run.Terminal.Line(run.Json ? JsonLine.Of(MessageLine.Json(message)) : line);
        return ValueTask.CompletedTask;
    }
}
