using System.Net;

namespace Duplexity.Server.Tunnels;

/// <summary>A request's body of which nothing waits in the HTTP/2 client's buffers: what the visitor has sent so far may be what the resource waits for.</summary>
internal sealed class FlushedContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly Action _touch;

    public FlushedContent(HttpContent inner, Action touch)
    {
        (_inner, _touch) = (inner, touch);
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        _inner.CopyToAsync(new Flushed(stream, _touch), context, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = _inner.Headers.ContentLength ?? 0;
        return _inner.Headers.ContentLength is not null;
    }

    private sealed class Flushed(Stream inner, Action touch) : DuplexStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer, cancellationToken);
            await inner.FlushAsync(cancellationToken);
            touch();
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
