using System.CommandLine;
using System.ComponentModel;
using System.Globalization;

namespace Duplexity.Cli.Commands;

/// <summary><c>lock SPACE/NAME -- COMMAND…</c>: runs COMMAND while the lock is held, and answers with its exit code.</summary>
internal static class LockCommand
{
    public const string TokenVariable = "DUPLEXITY_FENCING_TOKEN";

    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("SPACE/NAME") { Description = "the lock: a lockspace and a name in it; both are there by their use" };
        var work = new Argument<string[]>("COMMAND") { Description = "what to run, behind --", Arity = ArgumentArity.OneOrMore };
        var wait = new Option<string?>("--wait") { Description = "give up after this time (30s, 5m); default: never", HelpName = "TIME" };
        var once = new Option<bool>("--try") { Description = "do not wait at all" };
        var command = new Command("lock", "run a command while a lock is held") { name, work, wait, once };
        runner.Action(command, (run, parsed) =>
        {
            var (space, key) = Split(parsed.GetRequiredValue(name));
            var time = parsed.GetValue(wait);
            if (time is not null && parsed.GetValue(once))
            {
                throw new UsageException("--wait and --try exclude each other.");
            }

            return RunAsync(run, space, key, parsed.GetValue(once) ? TimeSpan.Zero : time is null ? null : Duration(time), parsed.GetRequiredValue(work));
        });
        return command;
    }

    /// <summary>A time as people type it: a number of seconds, or a number with ms, s, m or h.</summary>
    internal static TimeSpan Duration(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var unit = text[digits..] switch { "ms" => TimeSpan.FromMilliseconds(1), "" or "s" => TimeSpan.FromSeconds(1), "m" => TimeSpan.FromMinutes(1), "h" => TimeSpan.FromHours(1), _ => TimeSpan.Zero };
        return unit > TimeSpan.Zero && digits is > 0 and < 8
            ? unit * int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture)
            : throw new UsageException($"\"{text}\" is not a time; write 500ms, 30s, 5m or 1h.");
    }

    private static (string Space, string Name) Split(string text) => text.LastIndexOf('/') is > 0 and var slash && slash < text.Length - 1
        ? (text[..slash], text[(slash + 1)..])
        : throw new UsageException($"\"{text}\" is not a lock; write SPACE/NAME, such as board/card-3.");

    private static async Task<int> RunAsync(Invocation run, string space, string name, TimeSpan? wait, string[] work)
    {
        await using var connection = await run.ConnectAsync();
        await using var lockspace = await connection.EnterAsync(space, ct: run.Cancel);
        await using var held = await lockspace.AcquireAsync(name, wait, run.Cancel);
        try
        {
            using var child = Child.Start(work, (TokenVariable, held.Token.ToString(CultureInfo.InvariantCulture)));
            using var either = CancellationTokenSource.CreateLinkedTokenSource(run.Cancel, held.Lost);
            var exit = await child.RunAsync(either.Token, run.Around.Time);
            run.Cancel.ThrowIfCancellationRequested();
            if (held.Lost.IsCancellationRequested)
            {
                run.Terminal.Fail($"{held.Name} was lost while {work[0]} ran; it was told to end.");
                return ExitCode.Failed;
            }

            return exit;
        }
        catch (Win32Exception e)
        {
            throw new UsageException($"{work[0]} cannot be run: {e.Message}.");
        }
    }
}
