using System.CommandLine;
using System.Globalization;

namespace Duplexity.Cli.Commands;

/// <summary><c>link NAME</c>: makes a link by which whoever has it visits a pipe.</summary>
internal static class LinkCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("NAME") { Description = "a pipe of yours that is up with --visitors link" };
        var (time, methods, path) = VisitFlags.All();
        var command = new Command("link", "make a link by which whoever has it visits a pipe of yours") { name, time, methods, path };
        runner.Action(command, async (run, parsed) =>
        {
            var options = VisitFlags.Read(parsed, time, methods, path);
            await using var connection = await run.ConnectAsync();
            var link = await connection.Pipes.CreateLinkAsync(parsed.GetRequiredValue(name), options, ct: run.Cancel);
            run.Result(new { Url = link.Url.AbsoluteUri, ExpiresAt = link.ExpiresAt.ToUnixTimeMilliseconds() }, link.Url.AbsoluteUri);
            return ExitCode.Done;
        });
        return command;
    }
}

/// <summary>For how long and for what a link or a grant is: flags of both.</summary>
internal static class VisitFlags
{
    public static (Option<string?> For, Option<string[]> Methods, Option<string?> Path) All() => (
        new("--for") { Description = "for how long, up to 720h (1h)", HelpName = "TIME" },
        new("--methods") { Description = "with which methods, such as GET,HEAD (any)", HelpName = "METHOD", AllowMultipleArgumentsPerToken = false },
        new("--path") { Description = "at or below which path (everywhere)", HelpName = "PATH" });

    public static VisitOptions Read(ParseResult parsed, Option<string?> time, Option<string[]> methods, Option<string?> path)
    {
        var words = (parsed.GetValue(methods) ?? []).SelectMany(m => m.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Select(m => m.ToUpperInvariant()).ToArray();
        var options = new VisitOptions { Methods = words.Length == 0 ? null : words, Path = parsed.GetValue(path) };
        return parsed.GetValue(time) is { } text ? options with { For = LockCommand.Duration(text) } : options;
    }

    /// <summary>For what, in words.</summary>
    public static string Text(VisitGrant grant) => string.Create(CultureInfo.InvariantCulture, $"{(grant.Methods is null ? "any method" : string.Join(' ', grant.Methods))} at {grant.Path ?? "any path"}");
}
