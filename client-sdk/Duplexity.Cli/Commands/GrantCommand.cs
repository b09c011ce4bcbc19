using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>grant NAME CLIENT</c>: lets one client visit a pipe for a while; <c>grants</c> shows what was granted.</summary>
internal static class GrantCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("NAME") { Description = "a pipe of yours that is not public" };
        var client = new Argument<string>("CLIENT") { Description = "who may visit it" };
        var end = new Option<bool>("--end") { Description = "withdraw what was granted: whoever is being served by it is cut off" };
        var (time, methods, path) = VisitFlags.All();
        var command = new Command("grant", "let one client visit a pipe of yours for a while") { name, client, time, methods, path, end };
        runner.Action(command, async (run, parsed) =>
        {
            var (pipe, who) = (parsed.GetRequiredValue(name), parsed.GetRequiredValue(client));
            if (who.StartsWith("client:", StringComparison.Ordinal))
            {
                who = who["client:".Length..];
            }

            var options = VisitFlags.Read(parsed, time, methods, path);
            await using var connection = await run.ConnectAsync();
            if (parsed.GetValue(end))
            {
                var withdrawn = await connection.Pipes.WithdrawAsync(pipe, who, ct: run.Cancel);
                run.Result(new { Pipe = pipe, Client = who, Withdrawn = withdrawn }, $"{withdrawn} withdrawn");
                return withdrawn > 0 ? ExitCode.Done : ExitCode.Failed;
            }

            var grant = await connection.Pipes.GrantAsync(pipe, who, options, ct: run.Cancel);
            run.Result(Json(grant), $"{grant.Client} may visit {grant.Pipe} until {Moment.Text(grant.ExpiresAt.ToUnixTimeMilliseconds(), run.Around.Time)}, {VisitFlags.Text(grant)}");
            return ExitCode.Done;
        });
        return command;
    }

    public static Command CreateList(Runner runner)
    {
        var command = new Command("grants", "who may visit pipes of yours by a grant, and until when");
        runner.Action(command, async (run, _) =>
        {
            await using var connection = await run.ConnectAsync();
            var grants = await connection.Pipes.ListGrantsAsync(ct: run.Cancel);
            if (run.Json)
            {
                run.Results<object>([.. grants.Select(Json)], [], _ => []);
            }
            else
            {
                run.Results(grants, ["PIPE", "CLIENT", "UNTIL", "FOR"], g => [g.Pipe, g.Client, Moment.Text(g.ExpiresAt.ToUnixTimeMilliseconds(), run.Around.Time), VisitFlags.Text(g)]);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static object Json(VisitGrant grant) => new { grant.Pipe, grant.Client, ExpiresAt = grant.ExpiresAt.ToUnixTimeMilliseconds(), grant.Methods, grant.Path };
}
