using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>kick socket:ID|client:CID|pipe:NAME</c>: closes sockets or a public pipe, one's own or, for administrators, anybody's.</summary>
internal static class KickCommand
{
    private const string Pipe = "pipe:";

    public static Command Create(Runner runner)
    {
        var target = new Argument<string>("TARGET") { Description = "socket:ID, client:CID or pipe:NAME" };
        var reason = new Option<string?>("--reason") { Description = "what the disconnected are told" };
        var command = new Command("kick", "close sockets or a public pipe, and keep that program away from it for five minutes") { target, reason };
        runner.Action(command, async (run, parsed) =>
        {
            var text = parsed.GetValue(target)!;
            if (text.StartsWith(Pipe, StringComparison.Ordinal))
            {
                await using var owner = await run.ConnectAsync();
                await owner.Pipes.CloseAsync(text[Pipe.Length..], parsed.GetValue(reason), ct: run.Cancel);
                run.Result(new { Target = text, Pipes = 1 }, "1 closed");
                return ExitCode.Done;
            }

            var address = Addresses.One(text);
            await using var connection = await run.ConnectAsync();
            var closed = await connection.Sockets.CloseAsync(address, parsed.GetValue(reason), ct: run.Cancel);
            run.Result(new { Target = address.ToString(), Sockets = closed }, $"{closed} closed");
            return ExitCode.Done;
        });
        return command;
    }
}
