namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>A body on its way, of which <paramref name="capture"/> gets a copy of what passes. It waits for nothing but the body itself.</summary>
internal sealed class TeeStream(Stream inner, BodyCapture capture, Action? first = null) : DuplexStream
{
    public override bool CanRead => inner.CanRead;

    public override bool CanWrite => inner.CanWrite;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        capture.Add(buffer.Span[..read]);
        if (read == 0 && buffer.Length > 0)
        {
            capture.Ended();
        }

        return read;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        first?.Invoke();
        capture.Add(buffer.Span);
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
}
