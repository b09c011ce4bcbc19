using System.Globalization;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Gates;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// <c>/data/dial?pipe=NAME</c>: a WebSocket of a client whose bytes go to the resource of a private pipe, as those of a visitor go to that of a public one. What is not there and what the client may not dial
/// are answered alike (G25). It outlives its token's end, as the carrier on the other side does, and not its revocation (G8).
/// </summary>
internal sealed class DialEndpoint(
    BackendRegistry backend, Choice choice, ClientStreams streams, Standing standing, VisitorAdmission admission, LiveVisits live, PeerAddresses peers, IEngine engine, Visitors visitors, ExchangeFeed exchanges, Metrics metrics,
    IOptions<DuplexityOptions> options, TimeProvider time, ILogger<DialEndpoint> logger)
{
    private readonly ActingLease? _lease = options.Value.Pipes.KeepStreams ? null : engine.Lease;

    public async Task HandleAsync(HttpContext context)
    {
        if (context.Features.Get<Identity>() is not { } identity || !identity.IsValidAt(time.GetUtcNow()))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        CarrierStream? carrier = null;
        var isCut = false;
        using var place = streams.Add(identity, options.Value.Limits.DialsPerClient, () =>
        {
            Volatile.Write(ref isCut, true);
            context.Abort();
            Volatile.Read(ref carrier)?.Abort();
        });
        if (place is null)
        {
            Refuse(context, StatusCodes.Status429TooManyRequests, TimeSpan.FromSeconds(1));
            return;
        }

        // A revocation or a forced disconnect looks for those who are there; this one may have come too late for that.
        if (standing.Problem(identity) is not null)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        if (standing.Block(identity.Client, context.Request.Query["session"]) is { } blocked)
        {
            Refuse(context, StatusCodes.Status403Forbidden, TimeSpan.FromMilliseconds(blocked.RetryAfterMs ?? 0));
            return;
        }

        var name = context.Request.Query["pipe"] is [{ } asked] ? PrivateNames.KeyOf(asked, identity.Client) : null;
        var there = name is null ? [] : await backend.LocateAllAsync(name, context.RequestAborted);
        PipeEntry[] open = [.. there.Where(e => DialRules.May(e, identity.Client))];
        if (open.Length == 0)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            context.Response.Headers.Upgrade = "websocket";
            return;
        }

        var entry = choice.Among(open);
        // The limits of visitors are those of who dials: here each is known.
        if (admission.TryEnter(entry, PeerAddresses.NetworkOf(peers.Of(context)), $"client:{identity.Client}", out var wait) is not { } entered)
        {
            Refuse(context, StatusCodes.Status429TooManyRequests, wait);
            return;
        }

        using (entered)
        {
            await CarryAsync(context, entry, identity.Client, dialled =>
            {
                dialled.Throttle = entered.Throttle;
                Volatile.Write(ref carrier, dialled);
                return !Volatile.Read(ref isCut);
            });
        }
    }

    private static void Refuse(HttpContext context, int status, TimeSpan wait)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
    }

    private async Task CarryAsync(HttpContext context, PipeEntry entry, string client, Func<CarrierStream, bool> keep)
    {
        var (began, at, isCarried) = (time.GetTimestamp(), time.GetUtcNow(), false);
        visitors.Begin();
        try
        {
            var (pool, stream) = await choice.DialAsync(entry, another => DialRules.May(another, client), context.RequestAborted);
            entry = pool.Entry;
            await using var carrier = stream;
            using var turn = pool.Begin();
            using var visit = live.Begin(new PlainVisit(() => pool.Entry, now => DialRules.May(now, client), () =>
            {
                context.Abort();
                stream.Abort();
            }));
            if (!keep(carrier))
            {
                return;
            }

            isCarried = true;
            using var socket = await context.WebSockets.AcceptWebSocketAsync(CarryEndpoint.AsCarrier);
            await using var dialler = new CarrierStream(socket, _lease, null, time);
            await DialSplice.RunAsync(dialler, carrier, time);
            if (dialler.WasCut)
            {
                context.Abort();
            }

            pool.Ended(carrier);
        }
        catch (CarryException e)
        {
            Log.NotDialled(logger, VisibleText.Of(entry.Name, VisibleText.LogLength), e.Failure);
            context.Response.StatusCode = e.Failure == CarryFailure.Crowded ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status502BadGateway;
            context.Response.Headers.RetryAfter = "1";
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Whoever dialled has gone, or was sent away.
        }
        finally
        {
            visitors.End();
            var took = time.GetElapsedTime(began);
            metrics.Connected(isCarried, took);
            exchanges.Report(entry, new ExchangeInfo { Pipe = entry.Name, At = at.ToUnixTimeMilliseconds(), DurationMs = took.TotalMilliseconds });
        }
    }
}
