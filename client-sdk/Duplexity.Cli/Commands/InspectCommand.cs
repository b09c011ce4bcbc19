using System.CommandLine;
using System.Text;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>inspect NAME</c>: the last exchanges at a public pipe, one of them whole, as a curl command, or sent again.</summary>
internal static class InspectCommand
{
    public static Command Create(Runner runner)
    {
        var name = new Argument<string>("NAME") { Description = "the pipe: cat1 · cat1.example.org" };
        var last = new Option<int>("--last", "-n") { Description = "how many", HelpName = "N", DefaultValueFactory = _ => 20 };
        var follow = new Option<bool>("--follow", "-f") { Description = "then print each that ends, until Ctrl+C" };
        var id = new Option<string?>("--id") { Description = "one of them: headers, bodies, times, what gates decided", HelpName = "ID" };
        var curl = new Option<string?>("--curl") { Description = "its request as a curl command", HelpName = "ID" };
        var replay = new Option<string?>("--replay") { Description = "send its request again, through the same gates; secrets are not kept and so not sent", HelpName = "ID" };
        var method = new Option<string?>("--method") { Description = "with --replay: another method", HelpName = "METHOD" };
        var target = new Option<string?>("--target") { Description = "with --replay: another path and query", HelpName = "/PATH" };
        var header = new Option<string[]>("--header") { Description = "with --replay: set a header, or leave it out where there is no value; may be repeated", HelpName = "NAME: VALUE" };
        var data = new Option<string?>("--data") { Description = "with --replay: another body; - for standard input", HelpName = "TEXT" };
        var command = new Command("inspect", "what came in at a pipe, and what was answered") { name, last, follow, id, curl, replay, method, target, header, data };
        runner.Action(command, async (run, parsed) =>
        {
            var pipe = parsed.GetRequiredValue(name);
            string?[] asked = [parsed.GetValue(id), parsed.GetValue(curl), parsed.GetValue(replay), parsed.GetValue(follow) ? "" : null];
            if (asked.Count(a => a is not null) > 1)
            {
                throw new UsageException("Give one of --id, --curl, --replay and --follow.");
            }

            if (asked[2] is null && new Option[] { method, target, header, data }.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } alone)
            {
                throw new UsageException($"{alone.Name} goes with --replay ID.");
            }

            await using var connection = await run.ConnectAsync();
            switch (asked)
            {
                case [{ } shown, ..]:
                    ExchangePage.Print(run, await ReadAsync(run, connection, pipe, shown));
                    break;
                case [_, { } copied, ..]:
                    Copy(run, await ReadAsync(run, connection, pipe, copied));
                    break;
                case [_, _, { } repeated, _]:
                    await ReplayAsync(run, connection, pipe, repeated, new ReplayChanges
                    {
                        Method = parsed.GetValue(method),
                        Target = parsed.GetValue(target),
                        Headers = HeadersOf(parsed.GetValue(header) ?? []),
                        Body = parsed.GetValue(data) is { } text ? Encoding.UTF8.GetBytes(text == "-" ? await run.Terminal.ReadAllAsync(run.Cancel) : text) : null,
                    });
                    break;
                case [_, _, _, { }]:
                    await run.WhileOpenAsync(connection, async stop =>
                    {
                        await foreach (var exchange in connection.Pipes.WatchExchangesAsync(pipe, parsed.GetValue(last), ct: stop))
                        {
                            run.Result(exchange, ExchangePage.Line(exchange, run.Around.Time));
                        }
                    });
                    break;
                default:
                    run.Results(await connection.Pipes.ExchangesAsync(pipe, parsed.GetValue(last), ct: run.Cancel), ExchangePage.Headers, e => ExchangePage.Row(e, run.Around.Time));
                    break;
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<Protocol.ExchangeDetail> ReadAsync(Invocation run, DuplexityConnection connection, string pipe, string id) =>
        await connection.Pipes.ReadExchangeAsync(pipe, id, ct: run.Cancel) ?? throw new UsageException($"{id} has not ended yet.");

    private static void Copy(Invocation run, Protocol.ExchangeDetail exchange)
    {
        var (line, notes) = CurlLine.Of(exchange);
        run.Result(new { Command = line, LeftOut = notes }, line);
        foreach (var note in run.Json ? [] : notes)
        {
            run.Terminal.Note($"left out: {note}");
        }
    }

    private static async Task ReplayAsync(Invocation run, DuplexityConnection connection, string pipe, string id, ReplayChanges changes)
    {
        var replay = await connection.Pipes.ReplayAsync(pipe, id, changes, ct: run.Cancel);
        foreach (var omitted in replay.Omitted)
        {
            run.Terminal.Note($"sent without {omitted}: secrets are not kept");
        }

        var ended = await connection.Pipes.ReplayedAsync(pipe, replay, ct: run.Cancel);
        run.Result(ended, ExchangePage.Line(ended.Exchange, run.Around.Time));
    }

    private static Dictionary<string, string?> HeadersOf(string[] headers)
    {
        var read = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var header in headers)
        {
            var colon = header.IndexOf(':');
            var name = (colon < 0 ? header : header[..colon]).Trim();
            if (name.Length == 0)
            {
                throw new UsageException($"\"{header}\" is no header; write \"Name: value\".");
            }

            read[name] = colon < 0 || header[(colon + 1)..].Trim() is not { Length: > 0 } value ? null : value;
        }

        return read;
    }
}
