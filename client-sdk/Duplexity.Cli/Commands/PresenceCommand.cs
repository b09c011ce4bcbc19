using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>presence CHANNEL</c>: who is there, now or from now on.</summary>
internal static class PresenceCommand
{
    public static Command Create(Runner runner)
    {
        var channel = new Argument<string>("CHANNEL") { Description = "lobby (a room) · feed:ME (your followers)" };
        var watch = new Option<bool>("--watch") { Description = "go on with who comes and who leaves; you are in the room meanwhile" };
        var count = new Option<bool>("--count") { Description = "only how many clients" };
        var command = new Command("presence", "print who is in a channel") { channel, watch, count };
        runner.Action(command, async (run, parsed) =>
        {
            var address = Addresses.One(parsed.GetRequiredValue(channel));
            var isCount = parsed.GetValue(count);
            await using var connection = await run.ConnectAsync();
            if (parsed.GetValue(watch))
            {
                await run.WhileOpenAsync(connection, stop => WatchAsync(run, connection, address, isCount, stop));
            }
            else if (isCount)
            {
                var clients = await connection.PresenceCountAsync(address, run.Cancel);
                run.Result(new { Channel = address.ToString(), Count = clients }, $"{clients}");
            }
            else
            {
                var presence = await connection.PresenceAsync(address, run.Cancel);
                run.Results(presence.Members, ["CLIENT", "SOCKETS"], m => [m.Client, string.Join(' ', m.Sockets)]);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task WatchAsync(Invocation run, DuplexityConnection connection, Address address, bool isCount, CancellationToken stop)
    {
        await using var subscription = await connection.ListenAsync(address, new JoinOptions { Presence = true }, stop);
        var changes = subscription switch
        {
            Room room => room.WatchPresenceAsync(stop),
            Feed feed => feed.WatchFollowersAsync(stop),
            _ => throw new UsageException($"{address} has nobody in it; name a room, or your own feed."),
        };
        await foreach (var change in changes)
        {
            if (run.Json)
            {
                run.Terminal.Line(JsonLine.Of(PresenceLine.Json(address, change, isCount)));
            }
            else if (isCount)
            {
                run.Terminal.Line($"{change.Now.Members.Count}");
            }
            else
            {
                foreach (var line in PresenceLine.Of(change))
                {
                    run.Terminal.Line(line);
                }
            }
        }
    }
}
