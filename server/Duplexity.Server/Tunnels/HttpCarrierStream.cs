namespace Duplexity.Server.Tunnels;

/// <summary>
/// What an HTTP client sees of a carrier. It makes sure that no request is sent twice (G12) and that no answer reaches the wrong visitor (G13):
/// <c>SocketsHttpHandler</c> repeats a bodiless request up to three times where a connection ends before its answer begins, and takes bytes that arrive
/// between two requests for the second one's answer.
/// </summary>
internal sealed class HttpCarrierStream(CarrierStream carrier) : DuplexStream
{
    private readonly byte[] _early = new byte[4096];
    private Task<int>? _ahead;
    private int _earlyAt;
    private int _earlyEnd;
    private bool _answered;
    private volatile bool _written;
    private volatile bool _spent;

    /// <summary>Whether any byte of the current request was handed to the carrier.</summary>
    public bool HasWritten => _written;

    /// <summary>Whether the carrier may serve another request, as far as the stream can tell.</summary>
    public bool IsUsable => !_spent && !carrier.IsLeaving && !carrier.Finished.IsCompleted;

    /// <summary>A new request begins.</summary>
    public void Begin() => (_written, _answered) = (false, false);

    /// <summary>
    /// Nobody uses the carrier now. Whatever happens to it before the next request (its end, or bytes that nobody asked for) ends it, at once and not when the next
    /// visitor is already on it.
    /// </summary>
    public void Watch(Action over)
    {
        if (_ahead is null)
        {
            _ahead = carrier.ReadAsync(_early).AsTask();
        }

        _ = WatchAsync(_ahead, over);
    }

    /// <summary>Whether nothing has happened since <see cref="Watch"/>.</summary>
    public bool IsQuiet => _ahead is null or { IsCompleted: false };

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        int count;
        try
        {
            count = await ReadCoreAsync(buffer, cancellationToken);
        }
        catch (IOException e) when (_written && !_answered && e is not ResourceAwayException)
        {
            _spent = true;
            throw Unanswered(e);
        }
        catch (ResourceAwayException e)
        {
            _spent = true;
            throw new InvalidOperationException(e.Message, e);
        }

        if (count > 0)
        {
            _answered = true;
            return count;
        }

        _spent = true;
        return _written && !_answered ? throw Unanswered(null) : 0;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _written = true;
        await carrier.WriteAsync(buffer, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            carrier.Abort();
        }

        base.Dispose(disposing);
    }

    // An IOException or a plain end is what gets a request repeated; this is not.
    private static InvalidOperationException Unanswered(Exception? cause) => new("The carrier ended before the answer began; the request is not repeated.", cause);

    private static async Task WatchAsync(Task<int> ahead, Action over)
    {
        try
        {
            await ahead;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // However it ended, it ended.
        }

        over();
    }

    private async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, CancellationToken ct)
    {
        if (_earlyAt == _earlyEnd)
        {
            if (_ahead is null)
            {
                return await carrier.ReadAsync(buffer, ct);
            }

            (_earlyAt, _earlyEnd) = (0, await _ahead.WaitAsync(ct));
            _ahead = null;
        }

        var count = Math.Min(buffer.Length, _earlyEnd - _earlyAt);
        _early.AsSpan(_earlyAt, count).CopyTo(buffer.Span);
        _earlyAt += count;
        return count;
    }
}
