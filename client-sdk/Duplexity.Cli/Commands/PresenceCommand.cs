using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>presence CHANNEL</c>: who is there now.</summary>
internal static class PresenceCommand
{
    public static Command Create(Runner runner)
    {
        var channel = new Argument<string>("CHANNEL") { Description = "lobby (a room) · feed:amy" };
        var command = new Command("presence", "print who is in a channel") { channel };
        runner.Action(command, async (run, parsed) =>
        {
            var address = Addresses.One(parsed.GetRequiredValue(channel));
            await using var connection = await run.ConnectAsync();
            var presence = await connection.PresenceAsync(address, run.Cancel);
            run.Results(presence.Members, ["CLIENT", "SOCKETS"], m => [m.Client, string.Join(' ', m.Sockets)]);
            return ExitCode.Done;
        });
        return command;
    }
}
