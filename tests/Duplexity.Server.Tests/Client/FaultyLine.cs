using System.Net;
using System.Net.Sockets;

namespace Duplexity.Server.Tests.Client;

/// <summary>A relay between a client and a node that can be cut: all connections through it end with a reset, as on a network that fails.</summary>
internal sealed class FaultyLine : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = [];
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _port;
    private readonly Task _accepting;
    private bool _isDown;

    public FaultyLine(int port)
    {
        _port = port;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    /// <summary>Ends all connections; new ones are refused while <paramref name="stayDown"/>.</summary>
    public void Cut(bool stayDown = false)
    {
        Socket[] open;
        lock (_gate)
        {
            _isDown = stayDown;
            open = [.. _open];
            _open.Clear();
        }

        foreach (var socket in open)
        {
            Reset(socket);
        }
    }

    public void Mend()
    {
        lock (_gate)
        {
            _isDown = false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut(stayDown: true);
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync();
                var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                near.NoDelay = true;
                try
                {
                    await far.ConnectAsync(IPAddress.Loopback, _port);
                }
                catch (SocketException)
                {
                    // What it leads to takes none now: this one is lost, and the line stands.
                    Reset(near);
                    Reset(far);
                    continue;
                }

                bool isDown;
                lock (_gate)
                {
                    isDown = _isDown;
                    _open.AddRange(isDown ? [] : [near, far]);
                }

                if (isDown)
                {
                    Reset(near);
                    Reset(far);
                    continue;
                }

                _ = PumpAsync(near, far);
                _ = PumpAsync(far, near);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private static async Task PumpAsync(Socket from, Socket to)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut at one end: the other one is told.
            Reset(from);
            Reset(to);
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is over already.
        }

        socket.Dispose();
    }
}
