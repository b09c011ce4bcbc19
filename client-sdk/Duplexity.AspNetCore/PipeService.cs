using Duplexity.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.AspNetCore;

/// <summary>Keeps one pipe of the application open, from its start to its stop.</summary>
internal sealed class PipeService(
    PipeOrder order, PipeServer servers, OpenPipes pipes, IServer server, TimeProvider time, ILoggerFactory loggers) : IHostedLifecycleService, IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly ILogger _logger = loggers.CreateLogger("Duplexity.Pipe");
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Only now the server listens, and its addresses are known.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _running = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>While the server still answers: requests that are under way are waited for, and nobody is led to what is gone.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (!order.IsQuiet && time.GetElapsedTime(since) < order.Options.StopPatience && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Look, time, CancellationToken.None);
        }

        await _stop.CancelAsync();
        await _running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        // An application that failed to start is disposed without having been stopped.
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            var pause = FirstPause;
            while (await ServeAsync() is { } again)
            {
                pause = again ? FirstPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, order.Options.MaxRetryDelay.Ticks));
                await Task.Delay(pause, time, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The application stops.
        }
        catch (Exception e)
        {
            // Settings that cannot be served by: the application lives on without its pipe.
            Log.NotServed(_logger, Shown, VisibleText.Of(e.Message, VisibleText.LogLength));
        }
    }

    private string Shown => VisibleText.Of(order.Name ?? "(any name)", VisibleText.LogLength);

    /// <summary>Opens the pipe and waits until it is over. True: it had served, and is to be opened again; false: it could not be opened; null: it is to stay closed.</summary>
    private async Task<bool?> ServeAsync()
    {
        var at = servers.Of(order.Options.Server);
        var resource = order.Options.Resource ?? OwnAddress.Of(server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []);
        await using var connection = new DuplexityConnection(at, servers.Credentials(order.Options, at) with { TimeProvider = time, LoggerFactory = loggers });
        var pipe = connection.Pipes.Declare(order.Name, resource, order.Options.Pipe);
        try
        {
            await connection.ConnectAsync(_stop.Token);
        }
        catch (DuplexityException e)
        {
            Log.NotOpen(_logger, Shown, e.Code, VisibleText.Of(e.Message, VisibleText.LogLength));
            return false;
        }

        pipes.Add(order, pipe, at);
        try
        {
            Log.Serves(_logger, pipe.Url, pipe.Resource);
            await Task.WhenAny(connection.Closed, pipe.Closed).WaitAsync(_stop.Token);
            var (code, sentence) = pipe.Closed.IsCompleted && await pipe.Closed is { } error
                ? (error.Code, error.Sentence)
                : await connection.Closed is var reason ? (reason.Code, reason.Sentence) : default;
            Log.Over(_logger, pipe.Name, code, VisibleText.Of(sentence, VisibleText.LogLength));

            // A newer session of the same client serves the name now, or a person has closed it: to come back would be to quarrel.
            return code / 100 == (int)ErrorKind.Closed && code >= Errors.TakenOver.Code ? null : true;
        }
        finally
        {
            pipes.Remove(order);
            if (_stop.IsCancellationRequested)
            {
                Log.Closes(_logger, pipe.Name);
            }
        }
    }
}
