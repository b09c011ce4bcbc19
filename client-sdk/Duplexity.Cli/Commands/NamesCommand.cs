using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>names</c>: public names that are kept while nothing serves them.</summary>
internal static class NamesCommand
{
    public static Command Create(Runner runner)
    {
        var client = new Option<string?>("--client") { Description = "for administrators: whose names; * for all", HelpName = "CID" };
        var list = new Command("names", "the public names that you keep for yourself") { client };
        runner.Action(list, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            var names = await connection.Names.ListAsync(new AskOptions { Client = parsed.GetValue(client) }, run.Cancel);
            run.Results(names, ["NAME", "CLIENT", "SINCE", "FREE FOR OTHERS"], n => [n.Name, n.Client, Moment.Text(n.Since, run.Around.Time), n.FreeAt is { } at ? Moment.Text(at, run.Around.Time) : ""]);
            return ExitCode.Done;
        });

        var name = new Argument<string>("NAME") { Description = "a label such as cat1, or a hostname of your own" };
        var reserve = new Command("reserve", "keep a name, and what is below it, for yourself") { name };
        runner.Action(reserve, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            var reserved = await connection.Names.ReserveAsync(parsed.GetRequiredValue(name), ct: run.Cancel);
            run.Result(reserved, reserved.Name);
            return ExitCode.Done;
        });

        var release = new Command("release", "let go of a name; it rests before another client may have it") { name };
        runner.Action(release, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            await connection.Names.ReleaseAsync(parsed.GetRequiredValue(name), ct: run.Cancel);
            run.Terminal.Note($"{parsed.GetValue(name)} is released");
            return ExitCode.Done;
        });

        list.Add(reserve);
        list.Add(release);
        return list;
    }
}
