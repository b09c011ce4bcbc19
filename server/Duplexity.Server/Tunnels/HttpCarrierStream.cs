using System.Buffers;
using System.Globalization;
using System.Text;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// What an HTTP client sees of a carrier. It makes sure that no request is sent twice (G12) and that no answer reaches the wrong visitor (G13):
/// <c>SocketsHttpHandler</c> repeats a bodiless request up to three times where a connection ends before its answer begins, and takes bytes that arrive
/// between two requests for the second one's answer.
/// </summary>
internal sealed class HttpCarrierStream(CarrierStream carrier) : DuplexStream
{
    private bool _answered;
    private bool _headGone;
    private VisitBody? _body;
    private ArrayBufferWriter<byte>? _head;
    private TaskCompletionSource<int>? _firstStatus;
    private volatile bool _written;
    private volatile bool _spent;

    private static ReadOnlySpan<byte> EmptyFraming => "\r\nContent-Length: 0\r\n"u8;

    /// <summary>Whether any byte of the current request was handed to the carrier.</summary>
    public bool HasWritten => _written;

    /// <summary>Whether the carrier may serve another request, as far as the stream can tell.</summary>
    public bool IsUsable => !_spent && carrier.IsUsable;

    /// <summary>The status of the first answer to the current request, a provisional one (100) included; only where that has a body.</summary>
    public Task<int> FirstStatus => _firstStatus?.Task ?? throw new InvalidOperationException("Nobody asked.");

    /// <summary>A new request begins, whose body (if any) follows the head by itself.</summary>
    public void Begin(VisitBody? body)
    {
        (_written, _answered, _body, _head, _headGone) = (false, false, body, null, false);
        _firstStatus = body is null ? null : new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>
    /// Nobody uses the carrier now. Whatever happens to it before the next request (its end, or bytes that nobody asked for) ends it, at once and not when the next
    /// visitor is already on it.
    /// </summary>
    public void Watch(Action over) => carrier.Watch(over);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        int count;
        try
        {
            count = await carrier.ReadAsync(buffer, cancellationToken);
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
            if (!_answered)
            {
                _answered = true;
                _firstStatus?.TrySetResult(StatusOf(buffer.Span[..count]));
            }

            return count;
        }

        _spent = true;
        return _written && !_answered ? throw Unanswered(null) : 0;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_body is not null && !buffer.IsEmpty && !_headGone)
        {
            await WriteHeadAsync(buffer, _body, cancellationToken);
            return;
        }

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

    // "HTTP/1.1 200". Where it comes in pieces the body is sent: a resource that wanted none says so, one that waits for it waits for ever.
    private static int StatusOf(ReadOnlySpan<byte> answer) =>
        answer.Length >= 12 && int.TryParse(answer[9..12], NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : 100;

    /// <summary>Passes the head on when it is whole, with the framing of the body that follows in place of the empty one's; then the body follows.</summary>
    private async ValueTask WriteHeadAsync(ReadOnlyMemory<byte> part, VisitBody body, CancellationToken ct)
    {
        _head ??= new();
        _head.Write(part.Span);
        if (!_head.WrittenSpan.EndsWith("\r\n\r\n"u8))
        {
            return;
        }

        // There is one such line: the HTTP client wrote it, and no header value can contain a line end.
        var head = _head.WrittenMemory;
        var at = head.Span.IndexOf(EmptyFraming);
        if (at < 0)
        {
            throw new InvalidOperationException("A head without framing.");
        }

        var whole = new byte[head.Length - EmptyFraming.Length + body.Framing.Length + 4];
        var to = whole.AsSpan();
        head.Span[..at].CopyTo(to);
        "\r\n"u8.CopyTo(to[at..]);
        var end = at + 2 + Encoding.ASCII.GetBytes(body.Framing, to[(at + 2)..]);
        "\r\n"u8.CopyTo(to[end..]);
        head.Span[(at + EmptyFraming.Length)..].CopyTo(to[(end + 2)..]);

        (_head, _headGone, _written) = (null, true, true);
        await carrier.WriteAsync(whole, ct);
        body.Start(this);
    }
}
