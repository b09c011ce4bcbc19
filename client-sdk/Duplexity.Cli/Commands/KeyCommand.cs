using System.CommandLine;
using System.Text.Json;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>key add|list|remove</c>: credentials for machines.</summary>
internal static class KeyCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("NAME") { Description = "your name for it" };
        var client = new Option<string?>("--client") { Description = "whose it is, such as service:ci; for administrators (you)" };
        var publish = new Option<string[]>("--publish") { Description = "public names it may serve, such as cat1; may be repeated; such a key administers nobody (what you may)" };
        var add = new Command("add", "make a key; it is shown once") { name, client, publish };
        runner.Action(add, async (run, parsed) =>
        {
            // A machine that serves a name needs no power over others, whoever made its key.
            var allowances = parsed.GetValue(publish) is { Length: > 0 } names ? new Allowances { Publish = names, Administer = [] } : null;
            var made = await Asking.AskAsync(run, HttpMethod.Post, "auth/keys", new { name = parsed.GetValue(name), client = parsed.GetValue(client), allowances });
            run.Result(made, made.GetProperty("key").GetString()!);
            run.Terminal.Note($"{made.GetProperty("client").GetString()}'s key; it is shown this once. A machine uses it as DUPLEXITY_KEY");
            return ExitCode.Done;
        });

        var list = new Command("list", "your keys") { client };
        runner.Action(list, async (run, parsed) =>
        {
            var keys = (await Asking.AskAsync(run, HttpMethod.Get, "auth/keys" + Query(parsed.GetValue(client)), null)).GetProperty("keys").EnumerateArray().ToArray();
            run.Results(keys, ["NAME", "CLIENT", "MADE BY", "SINCE"], k =>
                [Text(k, "name"), Text(k, "client"), Text(k, "createdBy"), Moment.Text(k.GetProperty("createdAt").GetInt64(), run.Around.Time)]);
            return ExitCode.Done;
        });

        var remove = new Command("remove", "remove a key; its tokens end at once") { name, client };
        runner.Action(remove, async (run, parsed) =>
        {
            await Asking.AskAsync(run, HttpMethod.Delete, $"auth/keys/{Uri.EscapeDataString(parsed.GetValue(name)!)}{Query(parsed.GetValue(client))}", null);
            run.Terminal.Note($"{parsed.GetValue(name)} is removed");
            return ExitCode.Done;
        });
        return new Command("key", "credentials for machines") { add, list, remove };
    }

    private static string Query(string? client) => client is null ? "" : $"?client={Uri.EscapeDataString(client)}";

    private static string Text(JsonElement key, string name) => key.GetProperty(name).GetString() ?? "";
}
