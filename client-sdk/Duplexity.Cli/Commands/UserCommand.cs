using System.CommandLine;
using System.Text.Json;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>user add|list|disable|enable|remove|reset</c>: the people of a server with the embedded provider, for its administrators.</summary>
internal static class UserCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("NAME") { Description = "what the person is called, for ever" };
        return new Command("user", "people who sign in at the server's own provider; for administrators")
        {
            Add(runner, name),
            List(runner),
            Change(runner, name, "disable", "end all that a person has at once, until it is enabled again", user => $"{user} is disabled"),
            Change(runner, name, "enable", "let a person sign in again", user => $"{user} may sign in again"),
            Change(runner, name, "remove", "remove a person for ever; nobody else ever gets the name", user => $"{user} is removed"),
            Reset(runner, name),
        };
    }

    private static Command Add(Runner runner, Argument<string> name)
    {
        var role = new Option<string[]>("--role") { Description = "such as admin; may be repeated (none)" };
        var stdin = new Option<bool>("--password-stdin") { Description = "read the password from standard input, instead of a link by which the person chooses it" };
        var add = new Command("add", "add a person; prints a link, good once, by which the person chooses a password") { name, role, stdin };
        runner.Action(add, async (run, parsed) =>
        {
            var password = parsed.GetValue(stdin) ? (await run.Terminal.ReadAllAsync(run.Cancel)).TrimEnd('\r', '\n') : null;
            if (password is "")
            {
                throw new UsageException("--password-stdin: standard input is empty.");
            }

            var user = await Asking.AskAsync(run, HttpMethod.Post, "openid/users", new { name = parsed.GetValue(name), roles = parsed.GetValue(role), password });
            Print(run, user, $"{Text(user, "name")} is added");
            return ExitCode.Done;
        });
        return add;
    }

    private static Command List(Runner runner)
    {
        var list = new Command("list", "everybody");
        runner.Action(list, async (run, _) =>
        {
            var users = (await Asking.AskAsync(run, HttpMethod.Get, "openid/users", null)).GetProperty("users").EnumerateArray().ToArray();
            run.Results(users, ["NAME", "ROLES", "STATE", "SINCE"], user =>
            [
                Text(user, "name"), string.Join(' ', user.GetProperty("roles").EnumerateArray().Select(r => r.GetString())), Text(user, "state"),
                Moment.Text(user.GetProperty("createdAt").GetInt64(), run.Around.Time),
            ]);
            return ExitCode.Done;
        });
        return list;
    }

    private static Command Change(Runner runner, Argument<string> name, string what, string description, Func<string, string> said)
    {
        var change = new Command(what, description) { name };
        runner.Action(change, async (run, parsed) =>
        {
            var user = await Asking.AskAsync(run, HttpMethod.Post, $"openid/users/{what}", new { name = parsed.GetValue(name) });
            run.Terminal.Note(said(Text(user, "name")));
            return ExitCode.Done;
        });
        return change;
    }

    private static Command Reset(Runner runner, Argument<string> name)
    {
        var reset = new Command("reset", "end a password that was lost or stolen, with all its sign-ins; prints a link for the next") { name };
        runner.Action(reset, async (run, parsed) =>
        {
            var user = await Asking.AskAsync(run, HttpMethod.Post, "openid/users/reset", new { name = parsed.GetValue(name) });
            Print(run, user, $"{Text(user, "name")}'s password and sign-ins are over");
            return ExitCode.Done;
        });
        return reset;
    }

    private static void Print(Invocation run, JsonElement user, string said)
    {
        if (user.TryGetProperty("link", out var link))
        {
            run.Result(user, link.GetString()!);
            run.Terminal.Note($"{said}; the link is shown this once. It is good once, until {Moment.Text(user.GetProperty("linkExpiresAt").GetInt64(), run.Around.Time)}");
        }
        else
        {
            run.Result(user, said);
        }
    }

    private static string Text(JsonElement user, string name) => user.GetProperty(name).GetString() ?? "";
}
