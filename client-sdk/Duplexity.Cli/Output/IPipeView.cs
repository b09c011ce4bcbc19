using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Output;

/// <summary>How <c>up</c> shows what its pipes do.</summary>
internal interface IPipeView
{
    /// <summary>An exchange has ended. Called from each pipe's reader, at the same time.</summary>
    void Exchange(ServedPipe pipe, Exchange exchange);

    /// <summary>Shows what changes with time, until <paramref name="stop"/>.</summary>
    Task RunAsync(Func<ServedPipe[]> served, CancellationToken stop);

    /// <summary>Draws nothing until the result is disposed: somebody is being asked something.</summary>
    IDisposable? Pause();
}

/// <summary>A line an exchange: for what is no terminal, and for scripts with <c>--json</c>.</summary>
internal sealed class PlainView(Invocation run, bool several) : IPipeView
{
    public void Exchange(ServedPipe pipe, Exchange exchange) => run.Terminal.Line(run.Json
        ? JsonLine.Of(ExchangeLine.Json(exchange, pipe.Pipe.Name))
        : ExchangeLine.Text(exchange, several ? pipe.Pipe.Name : null, run.Around.Time));

    public Task RunAsync(Func<ServedPipe[]> served, CancellationToken stop) => Task.CompletedTask;

    public IDisposable? Pause() => null;
}
