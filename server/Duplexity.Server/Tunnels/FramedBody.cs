using System.Buffers;
using System.Globalization;
using System.Text;

namespace Duplexity.Server.Tunnels;

/// <summary>Writes a body to a carrier as HTTP/1.1 frames it: in chunks, or as it is where its length was told.</summary>
internal sealed class FramedBody(HttpCarrierStream carrier, bool isChunked, Action touch) : DuplexStream
{
    // A length in hexadecimal and two line ends.
    private const int ChunkOverhead = 8 + 4;

    private bool _broke;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return; // an empty chunk would be the last one
        }

        try
        {
            await (isChunked ? WriteChunkAsync(buffer, cancellationToken) : carrier.WriteAsync(buffer, cancellationToken));
            touch();
        }
        catch
        {
            _broke = true; // whoever copies may keep it to itself
            throw;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>The body is whole, and <paramref name="trailers"/> are known now; false: it is not whole, for a write had failed.</summary>
    public async Task<bool> CompleteAsync(Func<IEnumerable<(string Name, string Value)>> trailers, CancellationToken ct)
    {
        if (_broke || !isChunked)
        {
            return !_broke;
        }

        var end = new StringBuilder("0\r\n");
        foreach (var (name, value) in trailers())
        {
            end.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        await carrier.WriteAsync(Encoding.Latin1.GetBytes(end.Append("\r\n").ToString()), ct);
        return true;
    }

    private async ValueTask WriteChunkAsync(ReadOnlyMemory<byte> buffer, CancellationToken ct)
    {
        // In one piece: three would be three frames on the carrier and three packets at the resource.
        var chunk = ArrayPool<byte>.Shared.Rent(buffer.Length + ChunkOverhead);
        try
        {
            buffer.Length.TryFormat(chunk, out var at, "x", CultureInfo.InvariantCulture);
            "\r\n"u8.CopyTo(chunk.AsSpan(at));
            buffer.Span.CopyTo(chunk.AsSpan(at + 2));
            "\r\n"u8.CopyTo(chunk.AsSpan(at + 2 + buffer.Length));
            await carrier.WriteAsync(chunk.AsMemory(0, at + 2 + buffer.Length + 2), ct);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
