using System.Net.WebSockets;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>
/// A connection to the resource of a private pipe (<see cref="Pipes.DialAsync"/>): bytes both ways, in order. One reader and one writer at a time. Reads return 0 once the resource has ended; a read fails with an
/// <see cref="IOException"/> where the resource could not be reached, or the connection broke. Disposing it without <see cref="CompleteWritesAsync"/> is a reset.
/// </summary>
public sealed class DialledStream : Stream
{
    private readonly ClientWebSocket _socket;
    private bool _ended;

    internal DialledStream(ClientWebSocket socket) => _socket = socket;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Says that no more bytes come (the resource sees the end of its input); what it still sends can be read.</summary>
    /// <exception cref="IOException">The connection is over.</exception>
    public async Task CompleteWritesAsync(CancellationToken ct = default)
    {
        try
        {
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (IsOver(e, ct))
        {
            throw Broken(e);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_ended || buffer.IsEmpty)
        {
            return 0;
        }

        try
        {
            ValueWebSocketReceiveResult received;
            do
            {
                received = await _socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            while (received.Count == 0 && received.MessageType != WebSocketMessageType.Close);
            if (received.MessageType != WebSocketMessageType.Close)
            {
                return received.Count;
            }
        }
        catch (Exception e) when (IsOver(e, cancellationToken))
        {
            throw Broken(e);
        }

        _ended = true;
        return (int?)_socket.CloseStatus switch
        {
            (int)WebSocketCloseStatus.NormalClosure => 0,
            Wire.CarryResourceAway => throw new IOException("The machine that serves the pipe could not reach its resource."),
            _ => throw new IOException("The resource reset the connection, or the pipe is over."),
        };
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return;
        }

        try
        {
            await _socket.SendAsync(buffer, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsOver(e, cancellationToken))
        {
            throw Broken(e);
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Blocks the thread; prefer <see cref="ReadAsync(Memory{byte}, CancellationToken)"/>.</summary>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>Blocks the thread; prefer <see cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>.</summary>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>Does nothing: nothing is held back.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // What is closed both ways already ends in order; all else is a reset.
            _socket.Dispose();
        }

        base.Dispose(disposing);
    }

    private static bool IsOver(Exception e, CancellationToken ct) =>
        e is WebSocketException or InvalidOperationException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested);

    private static IOException Broken(Exception cause) => new("The connection to the private pipe is over.", cause);
}
