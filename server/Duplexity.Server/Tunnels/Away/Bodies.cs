using System.Buffers;
using System.Globalization;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>Reads the bodies of requests that are to be kept, or may have to be: so many at once and no more, none larger than may be kept. Thread-safe.</summary>
internal sealed class Bodies(TimeProvider time, IOptions<DuplexityOptions> options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _ofOwners = new(StringComparer.Ordinal);
    private readonly QueueOptions _options = options.Value.Queue;
    private int _all;

    /// <summary>A turn for a body of one owner's pipes; null: there are too many. Dispose of it when the body is not needed any more.</summary>
    public IDisposable? Enter(PipeEntry entry)
    {
        lock (_lock)
        {
            var own = _ofOwners.GetValueOrDefault(entry.Client);
            if (_all >= _options.BodiesAtOnce || own >= Math.Max(1, _options.BodiesAtOnce / 4))
            {
                return null;
            }

            _all++;
            _ofOwners[entry.Client] = own + 1;
            return new Turn(this, entry.Client);
        }
    }

    /// <summary>Whether a body says of itself that it may be kept.</summary>
    public bool IsSmall(HttpRequest request) => (request.ContentLength ?? (CanHaveBody(request) ? long.MaxValue : 0)) <= _options.BodyBytes;

    /// <summary>A body that is to be kept; null: it was refused, and its sender told so.</summary>
    public ValueTask<byte[]?> ReadAsync(HttpContext context) => ReadAsync(
        context, _options.BodyBytes, string.Create(CultureInfo.InvariantCulture, $"The machine behind this address is away, and of requests for it at most {_options.BodyBytes} bytes of body are kept."));

    /// <summary>A body of at most so many bytes; null: it was refused, and its sender told so, with this sentence where it is larger.</summary>
    public async ValueTask<byte[]?> ReadAsync(HttpContext context, int most, string tooLarge)
    {
        var request = context.Request;
        if (!CanHaveBody(request))
        {
            return [];
        }

        if (request.ContentLength > most)
        {
            await Pages.WriteAsync(context, StatusCodes.Status413PayloadTooLarge, "Too large", tooLarge);
            return null;
        }

        // By the reader's own way to give up: after a read that a token ended, Kestrel cannot use up the rest.
        var reader = request.BodyReader;
        await using var late = time.CreateTimer(_ => reader.CancelPendingRead(), null, options.Value.Times.ApiRequest, Timeout.InfiniteTimeSpan);
        var body = new ArrayBufferWriter<byte>((int)Math.Max(request.ContentLength ?? 0, 256));
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (body.WrittenCount + read.Buffer.Length > most)
            {
                reader.AdvanceTo(read.Buffer.End);
                await Pages.WriteAsync(context, StatusCodes.Status413PayloadTooLarge, "Too large", tooLarge);
                return null;
            }

            foreach (var segment in read.Buffer)
            {
                body.Write(segment.Span);
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return body.WrittenSpan.ToArray();
            }

            if (read.IsCanceled)
            {
                await Pages.WriteAsync(context, StatusCodes.Status408RequestTimeout, "Too slow", "The request did not come whole in time; nothing of it was kept.");
                return null;
            }
        }
    }

    private static bool CanHaveBody(HttpRequest request) => request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? request.ContentLength is not (null or 0);

    private void Leave(string owner)
    {
        lock (_lock)
        {
            _all--;
            if (--_ofOwners[owner] == 0)
            {
                _ofOwners.Remove(owner);
            }
        }
    }

    private sealed class Turn(Bodies bodies, string owner) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                bodies.Leave(owner);
            }
        }
    }
}
