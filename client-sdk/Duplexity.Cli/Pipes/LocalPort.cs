using System.Buffers;
using System.Net.Sockets;

namespace Duplexity.Cli.Pipes;

/// <summary>Carries each connection to a local port over a connection to a private pipe; an end stays an end and a reset a reset.</summary>
internal sealed class LocalPort(TcpListener listener, Func<CancellationToken, Task<DialledStream>> dial, Terminal terminal)
{
    // As many as the server carries for one pipe; further ones wait in the kernel's line.
    private const int Most = 256;

    // The largest piece that a kernel usually hands out at once.
    private const int BufferSize = 64 * 1024;

    public async Task RunAsync(CancellationToken stop)
    {
        using var places = new SemaphoreSlim(Most);
        var running = new List<Task>();
        try
        {
            while (true)
            {
                await places.WaitAsync(stop);
                var socket = await listener.AcceptSocketAsync(stop);
                running.RemoveAll(t => t.IsCompleted);
                running.Add(CarryAsync(socket, places, stop));
            }
        }
        finally
        {
            await Task.WhenAll(running);
        }
    }

    private async Task CarryAsync(Socket socket, SemaphoreSlim places, CancellationToken stop)
    {
        using (socket)
        {
            socket.NoDelay = true;
            try
            {
                await using var stream = await dial(stop);
                using var cut = stop.Register(() => Reset(socket));
                var up = UpAsync(socket, stream);
                var down = DownAsync(stream, socket);

                // Where one direction breaks, the other has nobody left.
                var first = await Task.WhenAny(up, down);
                if (!first.IsCompletedSuccessfully)
                {
                    Reset(socket);
                    await stream.DisposeAsync();
                }

                await Task.WhenAll(up, down);
            }
            catch (Exception e) when (e is DuplexityException or IOException or SocketException or ObjectDisposedException or OperationCanceledException)
            {
                Reset(socket);
                if (!stop.IsCancellationRequested && e is DuplexityException or IOException)
                {
                    terminal.Note(e.Message);
                }
            }
            finally
            {
                places.Release();
            }
        }
    }

    private static async Task UpAsync(Socket socket, DialledStream stream)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int count;
            while ((count = await socket.ReceiveAsync(buffer.AsMemory())) > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count));
            }

            await stream.CompleteWritesAsync();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task DownAsync(DialledStream stream, Socket socket)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int count;
            while ((count = await stream.ReadAsync(buffer.AsMemory())) > 0)
            {
                for (var sent = 0; sent < count;)
                {
                    sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed already.
        }

        socket.Dispose();
    }
}
