using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Sockets;

/// <summary>
/// Once a second looks at every socket for what only time brings: an identity that expired, a queue whose oldest entry is too old, places that moved without a
/// message. At the end of the node it tells every socket.
/// </summary>
internal sealed class SocketSweep(SocketIndex sockets, TimeProvider time, IOptions<DuplexityOptions> options) : IHostedService, IDisposable
{
    private ITimer? _timer;
    private DateTimeOffset _lastAdvance = time.GetUtcNow();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => Sweep(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        foreach (var socket in sockets.All)
        {
            socket.Close(Errors.ShuttingDown, "The node is shutting down; come back.");
        }

        return Task.CompletedTask;
    }

    public void Dispose() => _timer?.Dispose();

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
