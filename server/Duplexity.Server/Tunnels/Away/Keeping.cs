using System.Net.Mime;
using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Gates;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>
/// Keeps visitors' requests for a pipe with <c>offline: queue</c> whose client or resource is away, and those that come while older ones wait: what a name was sent is replayed in the order in which it came.
/// Called by the front once the visitor may visit. Thread-safe.
/// </summary>
internal sealed class Keeping(
    QueueStore store, QueueBell bell, Bodies bodies, PeerAddresses peers, ILogger<Keeping> logger, Bridge? bridge = null, IClientStanding? standing = null, IVisitorIdentities? identities = null) : IKeeping
{
    /// <summary>Says in an answer that the request was kept, and under which id.</summary>
    public const string Header = "Duplexity-Queued";

    // What concerns the connection that a request came on, or its body's way over it, and what the service says of it: who sends it is stated for a minute, and that it comes again is said with each replay.
    private static readonly HashSet<string> Connection = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Connection, HeaderNames.KeepAlive, HeaderNames.TE, HeaderNames.Trailer, HeaderNames.TransferEncoding, HeaderNames.Upgrade, HeaderNames.Expect, HeaderNames.ProxyAuthorization,
        "Proxy-Connection", HeaderNames.ContentLength, HeaderNames.Host, VisitorGates.IdentityHeader, Replay.Header,
    };

    /// <inheritdoc/>
    public async ValueTask<PipeEntry?> FindAsync(string name, bool isCovered, CancellationToken ct)
    {
        if (await (isCovered ? store.FindUnderWildcardAsync(name, ct) : store.FindAsync(name, ct)) is not { IsKeeping: true } queue || standing?.IsOut(queue.Owner) == true || store.IsHandedOver(queue))
        {
            return null;
        }

        if (Bridge.IsAt(queue.Pipe) && store.IsHalfOver(queue))
        {
            // Nobody comes back to serve it; that it is used keeps it.
            await store.ExtendAsync(queue, ct);
        }

        return queue.Pipe;
    }

    /// <summary>Whether an entry is what <see cref="FindAsync"/> gave, and nobody's registration.</summary>
    public static bool StandsIn(PipeEntry entry) => entry.Node.Length == 0;

    /// <inheritdoc/>
    public async ValueTask<bool> TakesAsync(HttpContext context, PipeEntry entry)
    {
        if (bridge is not null && Bridge.IsAt(entry))
        {
            await bridge.ServeAsync(context, entry);
            return true;
        }

        if (!QueueRecord.Keeps(entry) || context.Features.Get<Replay>() is QueuedReplay)
        {
            return false;
        }

        if (!MayKeep(context.Request))
        {
            return StandsIn(entry) && await AwayAsync(context);
        }

        if (StandsIn(entry) || (await store.FindAsync(entry.Name, context.RequestAborted) is { } queue && queue.Owner == entry.Client && await store.AnyWaitsAsync(queue, context.RequestAborted)))
        {
            return await KeepAsync(context, entry, isWhole: true) || await AwayAsync(context);
        }

        if (context.Features.Get<ReadBody>() is { } read)
        {
            // Asked again, for what the name is by now.
            context.Request.Body = new MemoryStream(read.Bytes, writable: false);
        }
        else if (bodies.IsSmall(context.Request) && bodies.Enter(entry) is { } turn)
        {
            // It may turn out that the server behind the client is not there, and then the body is needed once more.
            context.Response.RegisterForDispose(turn);
            if (await bodies.ReadAsync(context) is not { } body)
            {
                return true;
            }

            context.Features.Set(new ReadBody(body));
            context.Request.Body = new MemoryStream(body, writable: false);
        }

        return false;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> KeepAsync(HttpContext context, PipeEntry entry, bool isWhole)
    {
        var read = context.Features.Get<ReadBody>();
        if (!QueueRecord.Keeps(entry) || !MayKeep(context.Request) || (read is null && !isWhole)
            || await store.FindAsync(entry.Name, context.RequestAborted) is not { IsKeeping: true } queue || queue.Owner != entry.Client)
        {
            return false;
        }

        using var turn = read is null ? bodies.Enter(entry) : null;
        if (read is null && turn is null)
        {
            await Pages.CrowdedAsync(context);
            return true;
        }

        if ((read?.Bytes ?? await bodies.ReadAsync(context)) is { } body)
        {
            await KeepAsync(context, queue, RequestOf(context, queue, body));
        }

        return true;
    }

    /// <summary>Only what changes something waits: whoever reads wants an answer, and an upgrade a conversation.</summary>
    public static bool MayKeep(HttpRequest request) => (HttpMethods.IsPost(request.Method) || HttpMethods.IsPut(request.Method) || HttpMethods.IsPatch(request.Method) || HttpMethods.IsDelete(request.Method))
        && request.Headers.Upgrade.Count == 0;

    private static async ValueTask<bool> AwayAsync(HttpContext context)
    {
        await Pages.AwayAsync(context);
        return true;
    }

    private KeptRequest RequestOf(HttpContext context, QueueRecord queue, byte[] body)
    {
        var visitor = context.Features.Get<Visitor>();
        return new()
        {
            Id = $"{queue.Id}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(10))}",
            Method = context.Request.Method,
            Target = FrontTransform.TargetOf(context),
            Host = context.Request.Host.Value ?? "",
            Scheme = context.Request.Scheme,
            Headers = [.. context.Request.Headers.Where(h => !Connection.Contains(h.Key) && !h.Key.StartsWith(':')).Select(h => new KeptHeader(h.Key, [.. h.Value.Select(v => v ?? "")]))],
            Body = body,
            Address = peers.Of(context).ToString(),
            Visitor = visitor?.Identity is { } identity ? identities!.Keep(identity) : null,
            IsByToken = visitor?.IsByToken is true,
        };
    }

    private async Task KeepAsync(HttpContext context, QueueRecord queue, KeptRequest request)
    {
        QueueFull? full;
        bool isKept;
        try
        {
            full = await store.AppendAsync(queue, request, null, context.RequestAborted);
            isKept = full is null && await store.IsKeepingAsync(queue, context.RequestAborted);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            // The store is away, or the owner has more waiting for it than it takes now. It may be kept all the same: its sender comes again.
            Log.RequestNotKept(logger, queue.Pipe.Name, e);
            await Pages.CrowdedAsync(context);
            return;
        }

        if (full is not null)
        {
            Log.QueueFull(logger, queue.Pipe.Name, full.Value);
            await Pages.WriteAsync(context, StatusCodes.Status507InsufficientStorage, "Full", full == QueueFull.Requests
                ? "The machine behind this address is away, and as many requests wait for it as may."
                : "The machine behind this address is away, and the requests that wait for its owner take as much room as they may.");
            return;
        }

        if (!isKept)
        {
            // The queue was ended while the request came.
            await store.SweepAsync(queue, CancellationToken.None);
            await Pages.AwayAsync(context);
            return;
        }

        Log.RequestKept(logger, queue.Pipe.Name, request.Id);
        bell.Ring(queue.Pipe.Name);
        var response = context.Response;
        response.StatusCode = StatusCodes.Status202Accepted;
        response.ContentType = MediaTypeNames.Application.Json;
        response.Headers.CacheControl = "no-store";
        response.Headers[Header] = request.Id;
        var answer = JsonSerializer.SerializeToUtf8Bytes(new { id = request.Id });
        response.ContentLength = answer.Length;
        await response.Body.WriteAsync(answer, context.RequestAborted);
    }

    /// <summary>A body that was read before the request went on its way.</summary>
    private sealed record ReadBody(byte[] Bytes);
}
