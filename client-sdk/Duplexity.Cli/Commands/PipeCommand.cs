using System.CommandLine;
using Duplexity.Protocol;

namespace Duplexity.Cli.Commands;

/// <summary><c>pipe add|list|remove</c>: message pipes, run by the server while you are away.</summary>
internal static class PipeCommand
{
    public static Command Create(Runner runner) => new("pipe", "message pipes between channels, run by the server while you are away") { Add(runner), List(runner), Remove(runner) };

    /// <summary>Over the rows of message pipes.</summary>
    public static readonly string[] Headers = ["ID", "FROM", "TO", "STATE", "PLACE"];

    /// <summary>A message pipe as a row.</summary>
    public static string[] Row(MessagePipe p) => [p.Id ?? "", p.From ?? "", string.Join(' ', p.To ?? []), p.State ?? "", $"{p.Place}"];

    private static Command Add(Runner runner)
    {
        var from = new Argument<string>("FROM") { Description = "the channel to read" };
        var to = new Argument<string[]>("TO") { Description = "where its messages go", Arity = ArgumentArity.OneOrMore };
        var id = new Option<string?>("--id") { Description = "your name for it; one that is there is changed (drawn)" };
        var clients = new Option<string[]>("--sender") { Description = "only of these senders, such as sensor-*; may be repeated", HelpName = "PATTERN" };
        var type = new Option<string?>("--type") { Description = "only messages of this type" };
        var fields = new Option<string[]>("--field") { Description = "only where this field of the JSON body has this value; may be repeated", HelpName = "NAME=VALUE" };
        var select = new Option<string[]>("--select") { Description = "keep this field of the JSON body; may be repeated", HelpName = "NAME" };
        var rename = new Option<string[]>("--rename") { Description = "give a field another name; may be repeated", HelpName = "OLD=NEW" };
        var text = new Option<string?>("--text") { Description = "the body that comes out, such as \"{@from} says {temperature}\"", HelpName = "TEMPLATE" };
        var command = new Command("add", "carry messages from one channel to others") { from, to, id, clients, type, fields, select, rename, text };
        runner.Action(command, async (run, parsed) =>
        {
            var (chosen, asked, kept, named) = (parsed.GetValue(clients), Map(parsed.GetValue(fields)), parsed.GetValue(select), Map(parsed.GetValue(rename)));
            var pipe = new MessagePipe
            {
                Id = parsed.GetValue(id),
                From = Addresses.One(parsed.GetValue(from)!).ToString(),
                To = [.. parsed.GetValue(to)!.Select(t => Addresses.One(t).ToString())],
                Filter = chosen is { Length: > 0 } || parsed.GetValue(type) is not null || asked is not null
                    ? new() { Clients = chosen is { Length: > 0 } ? chosen : null, Type = parsed.GetValue(type), Fields = asked }
                    : null,
                Transform = kept is { Length: > 0 } || named is not null || parsed.GetValue(text) is not null
                    ? new() { Select = kept is { Length: > 0 } ? kept : null, Rename = named, Text = parsed.GetValue(text) }
                    : null,
            };
            await using var connection = await run.ConnectAsync();
            var set = (await connection.MessagePipes.SetAsync([pipe], ct: run.Cancel))[0];
            run.Result(set, set.Id!);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List(Runner runner)
    {
        var command = new Command("list", "your message pipes");
        runner.Action(command, async (run, _) =>
        {
            await using var connection = await run.ConnectAsync();
            run.Results(await connection.MessagePipes.ListAsync(ct: run.Cancel), Headers, Row);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Remove(Runner runner)
    {
        var id = new Argument<string>("ID") { Description = "the pipe" };
        var command = new Command("remove", "remove a message pipe; what it has not carried yet stays where it is") { id };
        runner.Action(command, async (run, parsed) =>
        {
            await using var connection = await run.ConnectAsync();
            await connection.MessagePipes.RemoveAsync(parsed.GetValue(id)!, ct: run.Cancel);
            run.Terminal.Note($"{parsed.GetValue(id)} is removed");
            return ExitCode.Done;
        });
        return command;
    }

    private static Dictionary<string, string>? Map(string[]? pairs) => pairs is not { Length: > 0 } ? null
        : pairs.Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => p.Length == 2 ? p[1] : throw new UsageException($"\"{p[0]}\" is no NAME=VALUE."));
}
