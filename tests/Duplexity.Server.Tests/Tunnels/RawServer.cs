using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>A resource that does to each connection what a test says, byte by byte.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Func<RawVisitor, int, Task> _serve;
    private int _connections;

    public RawServer(Func<RawVisitor, int, Task> serve, int port = 0)
    {
        _serve = serve;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(512);
        _ = AcceptAsync();
    }

    /// <summary>One that answers each request with its name.</summary>
    public static RawServer Named(string name) => new(async (connection, _) =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 })
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {name.Length}\r\n\r\n{name}");
        }
    });

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public string Resource => $"http://127.0.0.1:{Port}";

    public int Connections => Volatile.Read(ref _connections);

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                _sockets.Add(socket);
                _ = ServeAsync(socket, Interlocked.Increment(ref _connections));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket, int number)
    {
        using var connection = new RawVisitor(socket);
        try
        {
            await _serve(connection, number);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The other side has gone, which is what many of these tests are about.
        }
    }
}

/// <summary>One end of a TCP connection that reads and writes text as bytes (Latin-1).</summary>
internal sealed class RawVisitor(Socket socket) : IDisposable
{
    private readonly NetworkStream _stream = new(socket, ownsSocket: true);

    public Socket Socket => socket;

    public Stream Stream => _stream;

    public Task SendAsync(string text) => _stream.WriteAsync(Encoding.Latin1.GetBytes(text)).AsTask().WaitAsync(TunnelHost.Patience);

    /// <summary>Reads up to and with the empty line.</summary>
    public Task<string> ReadHeadAsync() => ReadUntilAsync("\r\n\r\n");

    /// <summary>Reads up to and with <paramref name="end"/>; shorter where the connection ends first.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (await _stream.ReadAsync(one).AsTask().WaitAsync(TunnelHost.Patience) == 1)
        {
            text.Append((char)one[0]);
            if (text.Length >= end.Length && text.ToString(text.Length - end.Length, end.Length) == end)
            {
                break;
            }
        }

        return text.ToString();
    }

    /// <summary>Reads to the end.</summary>
    public async Task<string> ReadAllAsync()
    {
        using var all = new MemoryStream();
        await _stream.CopyToAsync(all).WaitAsync(TunnelHost.Patience);
        return Encoding.Latin1.GetString(all.ToArray());
    }

    public void Dispose() => _stream.Dispose();
}
