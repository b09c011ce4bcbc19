using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>rooms</c>: rooms of one's own, and what holds in them.</summary>
internal static class RoomsCommand
{
    public static Command Create(Runner runner)
    {
        var client = new Option<string?>("--client") { Description = "for administrators: whose rooms; * for all" };
        var list = new Command("rooms", "the rooms that you own or are in") { client };
        runner.Action(list, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            var rooms = await connection.Rooms.ListAsync(new AskOptions { Client = parsed.GetValue(client) }, run.Cancel).ToListAsync(run.Cancel);
            run.Results(rooms, ["ROOM", "OWNER", "SINCE", "CLIENTS", "JOINED"], r =>
                [r.Name, r.Owner ?? "", r.Since is { } since ? Moment.Text(since, run.Around.Time) : "", r.Count?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "", r.Joined ? "yes" : ""]);
            return ExitCode.Done;
        });

        var name = new Argument<string>("ROOM") { Description = "the room's name" };
        var policy = new PolicyOptions();
        var create = policy.AddTo(new Command("create", "make a room under a name that nobody uses; you own it") { name });
        runner.Action(create, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            Print(run, await connection.Rooms.CreateAsync(Name(parsed.GetRequiredValue(name)), policy.Read(parsed), ct: run.Cancel));
            return ExitCode.Done;
        });

        var change = policy.AddTo(new Command("change", "say anew what holds in a room of yours; what is left out holds no more") { name });
        runner.Action(change, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            Print(run, await connection.Rooms.ChangeAsync(Name(parsed.GetRequiredValue(name)), policy.Read(parsed), ct: run.Cancel));
            return ExitCode.Done;
        });

        var remove = new Command("remove", "remove a room of yours: all are made to leave, its messages are gone") { name };
        runner.Action(remove, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            await connection.Rooms.RemoveAsync(Name(parsed.GetRequiredValue(name)), ct: run.Cancel);
            return ExitCode.Done;
        });

        list.Add(create);
        list.Add(change);
        list.Add(remove);
        return list;
    }

    private static string Name(string text) => Addresses.One(text) is { Kind: AddressKind.Room } room ? room.Name : throw new UsageException($"{text} is not a room.");

    private static void Print(Invocation run, Protocol.RoomInfo room) => run.Result(room, $"room:{room.Name}");

    /// <summary>The options that make a policy.</summary>
    private sealed class PolicyOptions
    {
        private readonly Option<string?> _join = Who("--join", "who may join");
        private readonly Option<string?> _send = Who("--send", "who may send");
        private readonly Option<string?> _see = Who("--see", "who may see who is there");
        private readonly Option<string?> _history = Who("--history", "who may read what was said before");
        private readonly Option<int?> _members = new("--members") { Description = "the most clients" };
        private readonly Option<int?> _messages = new("--messages") { Description = "how many messages are kept" };
        private readonly Option<TimeSpan?> _retention = new("--retention") { Description = "how long a message is kept, such as 12:00:00 or 7.00:00:00" };
        private readonly Option<bool> _ephemeral = new("--ephemeral") { Description = "keep messages for a minute, never on a disk" };
        private readonly Option<bool> _last = new("--last-value") { Description = "keep the newest message only" };
        private readonly Option<bool> _hidden = new("--no-presence") { Description = "tell nobody who is there" };

        public Command AddTo(Command command)
        {
            foreach (var option in (Option[])[_join, _send, _see, _history, _members, _messages, _retention, _ephemeral, _last, _hidden])
            {
                command.Add(option);
            }

            return command;
        }

        public Protocol.RoomPolicy Read(ParseResult parsed) => new()
        {
            Join = Words(parsed.GetValue(_join)),
            Send = Words(parsed.GetValue(_send)),
            SeePresence = Words(parsed.GetValue(_see)),
            ReadHistory = Words(parsed.GetValue(_history)),
            Members = parsed.GetValue(_members),
            Messages = parsed.GetValue(_messages),
            RetentionMs = parsed.GetValue(_retention) is { } kept ? (long)kept.TotalMilliseconds : null,
            Ephemeral = parsed.GetValue(_ephemeral) ? true : null,
            LastValueOnly = parsed.GetValue(_last) ? true : null,
            Presence = parsed.GetValue(_hidden) ? false : null,
        };

        private static Option<string?> Who(string name, string what) => new(name) { Description = $"{what}: words with commas between, of *, nobody, owner, role:NAME, client:PATTERN" };

        private static string[]? Words(string? text) => text?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
