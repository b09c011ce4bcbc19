using System.Buffers;
using System.Net.WebSockets;

namespace Duplexity.Carriers;

/// <summary>Copies both directions between a carrier's WebSocket and a resource until both have ended; each ends by itself.</summary>
internal static class Splice
{
    // The largest piece that a kernel usually hands out at once; larger ones showed no gain.
    private const int BufferSize = 64 * 1024;

    /// <summary>True when both directions ended in order; false when one broke, which resets the other.</summary>
    public static async Task<bool> RunAsync(WebSocket socket, ResourceConnection connection, TimeSpan linger, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var toResource = ToResourceAsync(socket, connection, stop.Token);
        var toVisitor = ToVisitorAsync(socket, connection, stop.Token);
        try
        {
            // A visitor's side that breaks ends everything at once. A resource that ends or breaks has said its last word, and the visitor's side gets to hear it.
            if (await Task.WhenAny(toResource, toVisitor).ConfigureAwait(false) == toResource && !await toResource.ConfigureAwait(false))
            {
                return false;
            }

            if (!await toVisitor.ConfigureAwait(false))
            {
                stop.CancelAfter(linger);
                await toResource.ConfigureAwait(false);
                return false;
            }

            return await toResource.ConfigureAwait(false);
        }
        finally
        {
            if (!(toResource.IsCompletedSuccessfully && toResource.Result && toVisitor.IsCompletedSuccessfully && toVisitor.Result))
            {
                connection.Reset();
                socket.Abort();
            }

            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(toResource, toVisitor).ConfigureAwait(false);
        }
    }

    /// <summary>Reads and drops what the node still sends: a close with unread bytes would be a reset, and could overtake our last frame.</summary>
    public static async Task DrainAsync(WebSocket socket, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while ((await socket.ReceiveAsync(buffer.AsMemory(), ct).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<bool> ToResourceAsync(WebSocket socket, ResourceConnection connection, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        var takes = true;
        try
        {
            while (true)
            {
                var received = await socket.ReceiveAsync(buffer.AsMemory(0, BufferSize), ct).ConfigureAwait(false);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    if (takes && socket.CloseStatus == WebSocketCloseStatus.NormalClosure)
                    {
                        await connection.CompleteWritesAsync().ConfigureAwait(false);
                    }

                    return socket.CloseStatus == WebSocketCloseStatus.NormalClosure;
                }

                if (takes)
                {
                    // A resource that answered early and reads no more (413) has an answer that is worth more than the rest of the request:
                    // the rest is dropped here, so that the answer gets through.
                    takes = await TryWriteAsync(connection.Stream, buffer.AsMemory(0, received.Count), ct).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<bool> TryWriteAsync(Stream resource, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        try
        {
            await resource.WriteAsync(bytes, ct).ConfigureAwait(false);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<bool> ToVisitorAsync(WebSocket socket, ResourceConnection connection, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (true)
            {
                int count;
                try
                {
                    count = await connection.Stream.ReadAsync(buffer.AsMemory(0, BufferSize), ct).ConfigureAwait(false);
                }
                catch (IOException)
                {
                    // A reset of the resource goes behind the bytes before it, as a close that is not the normal one.
                    await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, null, ct).ConfigureAwait(false);
                    return false;
                }

                if (count == 0)
                {
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, ct).ConfigureAwait(false);
                    return true;
                }

                await socket.SendAsync(buffer.AsMemory(0, count), WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, ct).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsEnd(Exception e) =>
        e is IOException or WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException or System.Net.Sockets.SocketException;
}
