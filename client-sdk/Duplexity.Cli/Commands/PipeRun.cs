using Duplexity.Cli.Output;
using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Commands;

/// <summary>Serves pipes until they are over: what <c>up</c> and <c>tcp</c> share.</summary>
internal static class PipeRun
{
    public static async Task<int> ServeAsync(Invocation run, Uri server, IReadOnlyList<PipeSpec> specs)
    {
        await using var connection = await run.CreateConnectionAsync(server);
        var pipes = specs.Select(s => connection.Pipes.Declare(s.Name, s.Resource, new PipeOptions { HostHeader = s.HostHeader, Exchanges = true, Offline = s.Offline, Reply = s.Reply })).ToArray();
        await connection.ConnectAsync(run.Cancel);
        foreach (var pipe in pipes)
        {
            run.Result(new { Event = "ready", pipe.Name, pipe.Url, pipe.Resource }, $"ready {pipe.Url}");
        }

        DuplexityError? over = null;
        await run.WhileOpenAsync(connection, stop => Task.WhenAll(pipes.Select(async pipe =>
        {
            var reading = PrintAsync(run, pipe, pipes.Length > 1, stop);
            if (await pipe.Closed.WaitAsync(stop) is { } error)
            {
                run.Terminal.Fail($"{pipe.Name} is no longer served: {error.Sentence}");
                over = error;
            }

            await reading;
        })));
        return over is null ? ExitCode.Done : ExitCode.Of(over.Code);
    }

    private static async Task PrintAsync(Invocation run, Pipe pipe, bool several, CancellationToken stop)
    {
        await foreach (var exchange in pipe.Exchanges.WithCancellation(stop))
        {
            run.Terminal.Line(run.Json
                ? JsonLine.Of(ExchangeLine.Json(exchange, pipe.Name))
                : ExchangeLine.Text(exchange, several ? pipe.Name : null, run.Around.Time));
        }
    }
}
