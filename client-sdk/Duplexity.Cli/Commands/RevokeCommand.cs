using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>revoke client:CID|TOKEN-ID</c>: ends tokens before their time.</summary>
internal static class RevokeCommand
{
    public static Command Create(Runner runner)
    {
        var target = new Argument<string>("TARGET") { Description = "client:CID (your own, or anybody's for administrators) or a token's id" };
        var command = new Command("revoke", "end tokens before their time; open sockets lose them at once") { target };
        runner.Action(command, async (run, parsed) =>
        {
            var text = parsed.GetValue(target)!;
            await using var connection = await run.ConnectAsync();
            var lost = Address.TryParse(text, null, out var address) && address.Kind == AddressKind.Client
                ? await connection.Sockets.RevokeAsync(address.Name, ct: run.Cancel)
                : await connection.Sockets.RevokeTokenAsync(text, ct: run.Cancel);
            run.Result(new { Target = text, Connections = lost }, $"revoked; {lost} connections lost it");
            return ExitCode.Done;
        });
        return command;
    }
}
