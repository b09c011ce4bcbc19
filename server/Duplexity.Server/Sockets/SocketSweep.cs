using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Once a second looks at every socket for what only time brings: an identity that expired, a queue whose oldest entry is too old, places that moved without a
/// message. When the node stops it tells every connection.
/// </summary>
internal sealed class SocketSweep(SocketIndex sockets, Sessions sessions, IHostApplicationLifetime lifetime, TimeProvider time, IOptions<DuplexityOptions> options)
    : IHostedService, IDisposable
{
    private const string Stopping = "The node is shutting down; come back.";

    private ITimer? _timer;
    private CancellationTokenRegistration _stopping;
    private DateTimeOffset _lastAdvance = time.GetUtcNow();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => Sweep(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

        // Not in StopAsync: by then SignalR has cut all connections. It does so at this signal, whose latest registration is called first: this one.
        _stopping = lifetime.ApplicationStopping.Register(TellAll);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _stopping.Dispose();
    }

    private void TellAll()
    {
        foreach (var socket in sockets.All)
        {
            socket.Close(Errors.ShuttingDown, Stopping);
        }

        foreach (var link in sessions.Links)
        {
            link.Close(Errors.ShuttingDown, Stopping);
        }

        // Returning lets SignalR cut them; those that read are gone by themselves in a moment.
        SpinWait.SpinUntil(() => sockets.IsEmpty && sessions.Links.Count == 0, options.Value.Times.LastWord);
    }

    private void Sweep()
    {
        var now = time.GetUtcNow();
        var isAdvanceDue = now - _lastAdvance >= options.Value.Times.Advance;
        _lastAdvance = isAdvanceDue ? now : _lastAdvance;
        foreach (var socket in sockets.All)
        {
            if (socket.DropExpired(now))
            {
                socket.Close(Errors.IdentityExpired, "The socket's token has expired; come back with a new one.");
            }
            else if (socket.Queue.IsTooOld())
            {
                socket.CloseAsSlow();
            }
            else if (isAdvanceDue)
            {
                socket.TellAdvances();
            }
        }
    }
}
