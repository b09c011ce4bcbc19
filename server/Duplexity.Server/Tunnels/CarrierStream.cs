using System.Net.WebSockets;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Gates;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// A carrier's WebSocket as a stream of bytes. Not .NET's own <c>WebSocketStream</c>, whose Dispose blocks on the close handshake while
/// <c>SocketsHttpHandler</c> disposes synchronously: a few abandoned downloads stalled a whole node, and it throws on a read after its end.
/// One reader and one writer at a time. Without metrics it is the other end of a dial, whose bytes the carrier counts. Where the node may not act (<see cref="ActingLease"/>) nothing is carried: the carrier breaks.
/// </summary>
internal sealed class CarrierStream(WebSocket socket, ActingLease? lease, Metrics? metrics, TimeProvider time) : DuplexStream
{
    // How long a carrier that is closed in order may take, before it is cut: it serves nobody any more.
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private static readonly byte[] Go = [Wire.CarryGo];
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<ValueWebSocketReceiveResult>? _ahead;
    private bool _ended;
    private int _closing;

    /// <summary>The node where the carrier came in and was handed on from; null: it came straight here.</summary>
    public string? Via { get; init; }

    /// <summary>Whether it ends with what it carries now, and nobody else gets it.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Whether its client could not reach its resource.</summary>
    public bool IsResourceAway { get; private set; }

    /// <summary>What its bytes wait for; null: nothing.</summary>
    public Throttle? Throttle { get; set; }

    /// <summary>Completes when this side has let go of the carrier.</summary>
    public Task Finished => _finished.Task;

    /// <summary>Whether it ended before both sides had said their last word.</summary>
    public bool WasCut { get; private set; }

    /// <summary>Whether somebody may get it, as far as can be told: nothing has happened since <see cref="Watch"/>, and it neither has ended nor is about to.</summary>
    public bool IsUsable => (_ahead is null or { IsCompleted: false }) && !IsLeaving && !_finished.Task.IsCompleted;

    /// <summary>Since when it waits for its visitor, as a time stamp.</summary>
    public long WarmSince { get; set; }

    /// <summary>Nobody reads it now: whatever comes (its end, or bytes that nobody asked for) is told at once, by <paramref name="over"/>, and lies where it is for whoever reads next. It is told all the same where somebody reads by then.</summary>
    public void Watch(Action over)
    {
        _ahead ??= socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None).AsTask(); // of no bytes
        _ = WatchAsync(_ahead, over);
    }

    /// <summary>A visitor is there: the client dials its resource now. False: the carrier is gone.</summary>
    public async Task<bool> TryGoAsync(CancellationToken ct)
    {
        try
        {
            ThrowIfSilent();
            await socket.SendAsync(Go, WebSocketMessageType.Binary, endOfMessage: true, ct);
            return true;
        }
        catch (Exception e) when (e is WebSocketException or IOException or InvalidOperationException or ObjectDisposedException or OperationCanceledException)
        {
            Abort();
            ct.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ResourceAwayException">The client could not reach its resource.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_ended || buffer.IsEmpty)
        {
            return 0;
        }

        var throttle = Throttle;
        try
        {
            ValueWebSocketReceiveResult received;
            var into = throttle is not null && throttle.Step < buffer.Length ? buffer[..throttle.Step] : buffer;
            do
            {
                received = _ahead is { } ahead ? await TakeAheadAsync(ahead, cancellationToken) : await socket.ReceiveAsync(into, cancellationToken);
            }
            while (received.Count == 0 && received.MessageType != WebSocketMessageType.Close);

            if (received.MessageType != WebSocketMessageType.Close)
            {
                ThrowIfSilent();
                metrics?.Carried(received.Count, toVisitor: true);
                if (throttle is not null)
                {
                    await throttle.WaitAsync(received.Count, toVisitor: true, cancellationToken);
                }

                return received.Count;
            }
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException)
        {
            throw new IOException("The carrier broke.", e);
        }

        _ended = true;
        IsResourceAway = (int?)socket.CloseStatus == Wire.CarryResourceAway;
        return (int?)socket.CloseStatus switch
        {
            (int)WebSocketCloseStatus.NormalClosure => 0,
            Wire.CarryResourceAway => throw new ResourceAwayException(),
            _ => throw new IOException("The resource reset the connection."),
        };
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return;
        }

        while (Throttle is { } throttle)
        {
            var part = buffer[..Math.Min(throttle.Step, buffer.Length)];
            await throttle.WaitAsync(part.Length, toVisitor: false, cancellationToken);
            await SendAsync(part, cancellationToken);
            buffer = buffer[part.Length..];
            if (buffer.IsEmpty)
            {
                return;
            }
        }

        await SendAsync(buffer, cancellationToken);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        ThrowIfSilent();
        try
        {
            await socket.SendAsync(buffer, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, cancellationToken);
            metrics?.Carried(buffer.Length, toVisitor: false);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException)
        {
            throw new IOException("The carrier broke.", e);
        }
    }

    /// <summary>No more bytes come from the visitor; what the resource still says can be read.</summary>
    public Task CompleteWritesAsync(CancellationToken ct) => CompleteWritesAsync(WebSocketCloseStatus.NormalClosure, ct);

    /// <summary>The same, with another last word than the orderly one.</summary>
    public async Task CompleteWritesAsync(WebSocketCloseStatus status, CancellationToken ct)
    {
        try
        {
            await socket.CloseOutputAsync(status, null, ct);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException)
        {
            throw new IOException("The carrier broke.", e);
        }
    }

    /// <summary>Ends the carrier with a reset at the resource. Never blocks; idempotent.</summary>
    public void Abort()
    {
        Interlocked.Exchange(ref _closing, 1);
        if (!_finished.Task.IsCompleted)
        {
            WasCut = socket.State != WebSocketState.Closed;
            socket.Abort();
            _finished.TrySetResult();
        }
    }

    /// <summary>Ends a carrier that serves nobody, so that the resource sees an orderly end. Returns at once; idempotent.</summary>
    public void Retire()
    {
        if (Interlocked.Exchange(ref _closing, 1) != 0)
        {
            return;
        }

        if (_ahead is { IsCompleted: true })
        {
            Abort(); // nobody would see the client's answer
        }
        else
        {
            _ = RetireAsync();
        }
    }

    private async Task WatchAsync(Task<ValueWebSocketReceiveResult> ahead, Action over)
    {
        await ((Task)ahead).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Volatile.Read(ref _closing) != 0)
        {
            Abort(); // it was being closed in order, and that is the client's answer
        }

        over();
    }

    private async ValueTask<ValueWebSocketReceiveResult> TakeAheadAsync(Task<ValueWebSocketReceiveResult> ahead, CancellationToken ct)
    {
        try
        {
            return await ahead.WaitAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            socket.Abort(); // as a receive does that is cancelled
            throw;
        }
        finally
        {
            _ahead = null;
        }
    }

    private void ThrowIfSilent()
    {
        if (lease is { IsOver: true })
        {
            throw new IOException("The node has not reached its engine for longer than its lease.");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Abort();
        }

        base.Dispose(disposing);
    }

    private async Task RetireAsync()
    {
        try
        {
            using var timeout = new CancellationTokenSource(CloseTimeout, time);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, timeout.Token);
            await _finished.Task.WaitAsync(timeout.Token); // whoever watches the idle carrier sees the client's answer, and aborts
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException or OperationCanceledException)
        {
            // It is gone already, or does not listen: cut it below.
        }

        Abort();
    }
}

/// <summary>The client said that it could not reach its resource (close status 4502).</summary>
internal sealed class ResourceAwayException() : IOException("The client could not reach its resource.");
