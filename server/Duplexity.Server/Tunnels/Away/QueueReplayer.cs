using System.Globalization;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>Sends a kept request to the resource by the same way as a visitor's own: gates, transforms, carriers and the owner's exchanges see it as one, marked by <see cref="QueuedReplay"/>. Thread-safe.</summary>
internal sealed class QueueReplayer(HttpFront front, TimeProvider time, IOptions<DuplexityOptions> options)
{
    /// <summary>Says which attempt it is, from 1 on.</summary>
    public const string AttemptHeader = "Duplexity-Attempt";

    /// <summary>Sends it once, and says what came of it.</summary>
    /// <param name="entry">The registration that serves it: the owner's own.</param>
    /// <param name="kept">What was kept.</param>
    /// <param name="attempt">Which attempt this is.</param>
    /// <param name="ct">Ends it.</param>
    public async Task<QueuedReplay> SendAsync(PipeEntry entry, KeptRequest kept, int attempt, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(options.Value.Queue.Answer, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        var replay = new QueuedReplay(kept);
        await front.ReplayAsync(RequestOf(kept, attempt).ToContext(replay, kept.Address, either.Token), entry);
        ct.ThrowIfCancellationRequested();
        return replay;
    }

    private static ReplayedRequest RequestOf(KeptRequest kept, int attempt) => new(
        kept.Method,
        kept.Target,
        kept.Scheme,
        [
            (HeaderNames.Host, kept.Host),
            .. kept.Headers.SelectMany(h => h.Values.Select(v => (h.Name, v))),
            (Replay.Header, kept.Id),
            (AttemptHeader, attempt.ToString(CultureInfo.InvariantCulture)),
        ],
        kept.Body);
}
