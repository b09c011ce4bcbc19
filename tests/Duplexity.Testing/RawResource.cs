using System.Net;
using System.Net.Sockets;

namespace Duplexity.Testing;

/// <summary>A resource whose every byte the test writes and reads itself: a TCP listener on a loopback port.</summary>
public sealed class RawResource : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting = Task.CompletedTask;
    private int _connections;

    /// <summary>Listens at once; connections wait until <see cref="AcceptAsync"/>.</summary>
    public RawResource() => _listener.Start();

    /// <summary>A resource that answers each connection by <paramref name="serve"/>; what it throws when a peer leaves is its own business.</summary>
    public RawResource(Func<RawVisitor, Task> serve)
        : this() => _accepting = AcceptAllAsync(serve);

    /// <summary>The port.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary><c>127.0.0.1:PORT</c>.</summary>
    public string Authority => $"127.0.0.1:{Port}";

    /// <summary>How many connections came.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The next connection.</summary>
    public async Task<RawVisitor> AcceptAsync(TimeSpan? timeout = null)
    {
        var socket = await _listener.AcceptSocketAsync(_stop.Token).Soon(timeout);
        Interlocked.Increment(ref _connections);
        return new RawVisitor(socket);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAllAsync(Func<RawVisitor, Task> serve)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(new RawVisitor(socket), serve);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The test is over.
                return;
            }
        }
    }

    private static async Task ServeAsync(RawVisitor connection, Func<RawVisitor, Task> serve)
    {
        await using (connection)
        {
            try
            {
                await serve(connection);
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or TimeoutException)
            {
                // The peer left; tests look at that from its side.
            }
        }
    }
}
