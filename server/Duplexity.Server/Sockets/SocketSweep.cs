using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Once a second looks at every socket for what only time brings: an identity that expired, a queue whose oldest entry is too old, places that moved without a
/// message. When the node stops it tells every socket and session, before the server closes their connections.
/// </summary>
internal sealed class SocketSweep(
    IEngine engine, SocketIndex sockets, Sessions sessions, IdentityHolders holders, IdentityChanges changes, IHostApplicationLifetime lifetime, TimeProvider time, IOptions<DuplexityOptions> options,
    ILogger<SocketSweep> logger) : IHostedService, IDisposable
{
    private ITimer? _timer;
    private CancellationTokenRegistration _stopping;
    private DateTimeOffset _lastAdvance = time.GetUtcNow();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (engine.Lease is { } lease)
        {
            lease.Resumed += Resume;
        }

        _timer = time.CreateTimer(_ => Sweep(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

        // Not in StopAsync: the web server is stopped before it, and SignalR closes connections without a word. The newest registration runs first.
        _stopping = lifetime.ApplicationStopping.Register(TellAll);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _timer?.Dispose();
        if (engine.Lease is { } lease)
        {
            lease.Resumed -= Resume;
        }
    }

    private void TellAll()
    {
        var all = sockets.All;
        foreach (var socket in all)
        {
            socket.Close(Errors.ShuttingDown, "The node is shutting down; come back.");
        }

        Task[] told = [.. sessions.All.Select(s => s.Link?.Close(Errors.ShuttingDown, "The node is shutting down; come back.")).OfType<Task>(), .. all.Select(s => s.Transport.Gone)];

        // Until they are gone, for the server would cut what is still on its way; what does not read is left to it after the time for a last word.
        Task.WaitAll(told, options.Value.Times.LastWord);
    }

    /// <summary>The node was silent: what waited goes out.</summary>
    private void Resume()
    {
        foreach (var socket in sockets.All)
        {
            socket.Queue.Flush();
        }
    }

    private void Sweep()
    {
        var now = time.GetUtcNow();
        var isAdvanceDue = now - _lastAdvance >= options.Value.Times.Advance;
        _lastAdvance = isAdvanceDue ? now : _lastAdvance;
        _ = SweepIdentitiesAsync(now);
        foreach (var socket in sockets.All)
        {
            if (socket.Queue.IsTooOld())
            {
                socket.CloseAsSlow("age");
            }
            else if (isAdvanceDue)
            {
                socket.TellAdvances();
            }
        }
    }

    private async Task SweepIdentitiesAsync(DateTimeOffset now)
    {
        foreach (var holder in holders.All)
        {
            try
            {
                await changes.SweepAsync(holder, now);
            }
            catch (Exception e)
            {
                logger.SweepFailed(e);
            }
        }
    }
}
