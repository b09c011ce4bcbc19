using System.CommandLine;

namespace Duplexity.Cli.Commands;

/// <summary><c>revoke client:CID|TOKEN-ID</c>: ends tokens before their time; with <c>--remove</c> the client for good.</summary>
internal static class RevokeCommand
{
    public static Command Create(Runner runner)
    {
        var target = new Argument<string>("TARGET") { Description = "client:CID (your own, or anybody's for administrators) or a token's id" };
        var remove = new Option<bool>("--remove") { Description = "remove the client for good, its inbox, keys and pipes with it; its name is never given again (administrators)" };
        var command = new Command("revoke", "end tokens before their time; open sockets lose them at once") { target, remove };
        runner.Action(command, async (run, parsed) =>
        {
            var text = parsed.GetValue(target)!;
            var isClient = Address.TryParse(text, null, out var address) && address.Kind == AddressKind.Client;
            var isRemoved = parsed.GetValue(remove);
            if (isRemoved && !isClient)
            {
                throw new UsageException("--remove wants a client, such as client:amy: a token has no name to keep.");
            }

            await using var connection = await run.ConnectAsync();
            if (isRemoved)
            {
                var gone = await connection.Sockets.RemoveClientAsync(address.Name, ct: run.Cancel);
                run.Result(new { Target = text, Connections = gone, Removed = true }, $"removed for good; {gone} connections lost it");
                return ExitCode.Done;
            }

            int lost;
            try
            {
                lost = isClient ? await connection.Sockets.RevokeAsync(address.Name, ct: run.Cancel) : await connection.Sockets.RevokeTokenAsync(text, ct: run.Cancel);
            }
            catch (DuplexityException e) when (e.Code == Errors.Revoked.Code && (!isClient || address.Name == connection.Client))
            {
                // One's own: it is in force so soon that the answer does not come to this connection any more.
                run.Result(new { Target = text }, "revoked; this connection was one of those that lost it");
                return ExitCode.Done;
            }

            run.Result(new { Target = text, Connections = lost }, $"revoked; {lost} connections lost it");
            return ExitCode.Done;
        });
        return command;
    }
}
