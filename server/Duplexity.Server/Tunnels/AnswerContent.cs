using System.Net;

namespace Duplexity.Server.Tunnels;

/// <summary>An answer's body whose reads are seen: each is a sign of life, the last one is told.</summary>
internal sealed class AnswerContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly VisitPatience _patience;
    private readonly Action _ended;

    public AnswerContent(HttpContent inner, VisitPatience patience, Action ended)
    {
        (_inner, _patience, _ended) = (inner, patience, ended);
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    protected override async Task<Stream> CreateContentReadStreamAsync() => new Watched(await _inner.ReadAsStreamAsync(), _patience, _ended);

    protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => CreateContentReadStreamAsync();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _inner.CopyToAsync(stream, context);

    protected override bool TryComputeLength(out long length)
    {
        length = _inner.Headers.ContentLength ?? 0;
        return _inner.Headers.ContentLength is not null;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class Watched(Stream inner, VisitPatience patience, Action ended) : DuplexStream
    {
        private CancellationTokenSource? _either;
        private CancellationToken _callers;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_either is null || _callers != cancellationToken)
            {
                _either?.Dispose();
                _either = CancellationTokenSource.CreateLinkedTokenSource(_callers = cancellationToken, patience.Token);
            }

            try
            {
                var count = await inner.ReadAsync(buffer, _either.Token);
                patience.Touch();
                if (count == 0 && !buffer.IsEmpty)
                {
                    ended();
                }

                return count;
            }
            catch (Exception e) when (patience.IsOver && !cancellationToken.IsCancellationRequested && e is OperationCanceledException or IOException)
            {
                throw new ResourceLateException();
            }
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _either?.Dispose();
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
