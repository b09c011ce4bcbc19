using System.Net;
using System.Net.Sockets;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels;

/// <summary>A TCP port at which visitors are accepted, until it is disposed; their connections go on. Thread-safe.</summary>
internal sealed class VisitorPort : IDisposable
{
    // After an accept that failed for want of file handles, which a tight loop would only make worse.
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(200);

    private readonly Socket _listener;

    private VisitorPort(Socket listener) => _listener = listener;

    /// <summary>Where such ports listen: as it is set (<see cref="PipesOptions.ListenAddress"/>), else at this machine alone in development, and everywhere elsewhere.</summary>
    public static IPAddress AddressOf(PipesOptions pipes, IHostEnvironment environment) =>
        pipes.ListenAddress is { } text ? IPAddress.Parse(text) : environment.IsDevelopment() ? IPAddress.Loopback : IPAddress.IPv6Any;

    /// <summary>Opens it.</summary>
    /// <param name="address">Where it listens; all addresses of IPv6 are those of IPv4 too.</param>
    /// <param name="port">The port.</param>
    /// <param name="backlog">How many may wait to be accepted.</param>
    /// <param name="serve">Takes a visitor's connection, and throws nothing.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where failures to accept are told.</param>
    /// <exception cref="SocketException">The port belongs to something else on this machine.</exception>
    public static VisitorPort Open(IPAddress address, int port, int backlog, Func<Socket, Task> serve, TimeProvider time, ILogger logger)
    {
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any))
            {
                listener.DualMode = true;
            }

            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(backlog);
        }
        catch (SocketException)
        {
            listener.Dispose();
            throw;
        }

        _ = AcceptAsync(listener, port, serve, time, logger);
        return new(listener);
    }

    public void Dispose() => _listener.Dispose();

    private static async Task AcceptAsync(Socket listener, int port, Func<Socket, Task> serve, TimeProvider time, ILogger logger)
    {
        while (true)
        {
            Socket visitor;
            try
            {
                visitor = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.InvalidArgument })
            {
                return; // closed
            }
            catch (SocketException e)
            {
                Log.AcceptFailed(logger, port, e.SocketErrorCode);
                await Task.Delay(AcceptPause, time);
                continue;
            }

            _ = serve(visitor);
        }
    }
}
