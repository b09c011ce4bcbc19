using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>
/// An answer of which a copy is taken. The framework's own wrapper begins an answer in order to end it; over HTTP/2 the headers and the end of an empty one then come apart, and gRPC's clients find no status
/// in a refusal, which is headers alone.
/// </summary>
internal sealed class TeeBody(IHttpResponseBodyFeature inner, TeeStream stream) : IHttpResponseBodyFeature
{
    private PipeWriter? _writer;

    public Stream Stream => stream;

    public PipeWriter Writer => _writer ??= PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));

    public void DisableBuffering() => inner.DisableBuffering();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        SendFileFallback.SendFileAsync(stream, path, offset, count, cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);

    public async Task CompleteAsync()
    {
        if (_writer is not null)
        {
            await _writer.CompleteAsync();
        }

        await inner.CompleteAsync();
    }
}
