using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Pipes.Cooked;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>
/// Pipes into channels: a visitor's request becomes a message, sent as the pipe's owner through the machine with all its gates, and the first answer to it the response where the pipe asks for one. Nothing is dialled, so a pipe that
/// keeps requests needs no program at all. Thread-safe.
/// </summary>
internal sealed class Bridge(PipeMachine machine, IPipeOwners owners, BridgeReplies replies, Bodies bodies, TimeProvider time)
{
    /// <summary>The message header in which an answer says its status.</summary>
    public const string StatusHeader = "http-status";

    private const string OtherContent = "This Idempotency-Key or delivery id came before with another method, address or body; nothing was stored. Send what is new under an id of its own.";

    /// <summary>Owners whose rates are counted; of more the one that was idle longest begins anew: some megabytes.</summary>
    private const int MostOwners = 10_000;

    private readonly Lock _lock = new();
    private readonly Recent<string, Meter> _meters = new(MostOwners);

    /// <summary>Whether a pipe leads into a channel.</summary>
    public static bool IsAt(PipeEntry entry) => ResourceText.ReadChannel(entry.Resource) is not null;

    /// <summary>Answers a visitor.</summary>
    public async Task ServeAsync(HttpContext context, PipeEntry entry)
    {
        var isAsked = entry.Settings.ReplyTimeoutMs is not null;
        if (!BridgeMessage.Takes(context.Request.Method, isAsked))
        {
            context.Response.Headers.Allow = "POST, PUT, PATCH";
            await Pages.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "Not here", "What is sent here becomes a message; there is nothing to read.");
            return;
        }

        if (JsonSerializer.Deserialize<PipeGrant>(entry.Grant!) is not { } grant || owners.Find(entry.Client, grant) is not { Sender: var sender })
        {
            await Pages.AwayAsync(context);
            return;
        }

        using var turn = bodies.Enter(entry);
        if (turn is null)
        {
            await Pages.CrowdedAsync(context);
        }
        else if (await bodies.ReadAsync(context, Wire.MaxMessageBytes, $"What is sent here becomes a message, and a message has at most {Wire.MaxMessageBytes} bytes.") is { } body)
        {
            await SendAsync(context, entry, sender with { Meter = MeterOf(entry.Client) }, BridgeMessage.Of(context, entry, body), BridgeMessage.FingerprintOf(context, body));
        }
    }

    private async Task SendAsync(HttpContext context, PipeEntry entry, Sender sender, SendRequest request, string fingerprint)
    {
        if (entry.Settings.ReplyTimeoutMs is not { } wait)
        {
            var stored = await TrySendAsync(entry, sender, request, fingerprint);
            await (stored.Error is { } error ? AnswerAsync(context, StatusOf(error), new { error }) : AnswerAsync(context, StatusCodes.Status202Accepted, new { id = stored.MessageId }));
            return;
        }

        // The address that answers go to is the node's own: it stands for a socket that waits.
        await replies.BeginAsync();
        var headers = new Dictionary<string, string>(request.Headers!) { [Wire.ReplyHeader] = "socket" };
        var sent = await TrySendAsync(entry, sender with { SocketId = replies.Desk }, request with { Headers = headers }, fingerprint);
        if (sent.Error is { } refused)
        {
            await AnswerAsync(context, StatusOf(refused), new { error = refused });
            return;
        }

        context.Response.Headers["Duplexity-Message"] = sent.MessageId;
        if (await replies.WaitAsync(sent.MessageId!, TimeSpan.FromMilliseconds(wait), time, context.RequestAborted) is { } reply)
        {
            await ReplyAsync(context, reply);
        }
        else
        {
            await Pages.WriteAsync(context, StatusCodes.Status504GatewayTimeout, "No answer", "Nobody has answered in time. The request was taken all the same.");
        }
    }

    private async Task<SendResponse> TrySendAsync(PipeEntry entry, Sender sender, SendRequest request, string fingerprint)
    {
        try
        {
            var sent = await (ResourceText.ReadChannel(entry.Resource) is { Kind: AddressKind.Feed }
                ? machine.EmitAsync(sender, BridgeMessage.ToEmit(request), fingerprint: fingerprint)
                : machine.SendAsync(sender, request, fingerprint: fingerprint));

            return sent.Error?.Is(Errors.IdempotencyMismatch) == true ? sent with { Error = sent.Error with { Sentence = OtherContent } } : sent;
        }
        catch (DuplexityException e)
        {
            return new SendResponse { Error = e.Error };
        }
    }

    private Meter MeterOf(string owner)
    {
        lock (_lock)
        {
            if (!_meters.TryGet(owner, out var meter))
            {
                _meters.Set(owner, meter = new Meter());
            }

            return meter;
        }
    }

    private static int StatusOf(DuplexityError error) => error switch
    {
        _ when error.Is(Errors.IdempotencyMismatch) => StatusCodes.Status409Conflict,
        _ when error.Is(Errors.MessageTooLarge) => StatusCodes.Status413PayloadTooLarge,
        { Kind: "denied" } => StatusCodes.Status403Forbidden,
        { Kind: "limit" } => StatusCodes.Status429TooManyRequests,
        { Kind: "unavailable" } => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status400BadRequest,
    };

    private static Task AnswerAsync<T>(HttpContext context, int status, T answer)
    {
        if (status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            context.Response.Headers.RetryAfter = "1";
        }

        return WriteAsync(context, status, MediaTypeNames.Application.Json, JsonSerializer.SerializeToUtf8Bytes(answer, JsonSerializerOptions.Web));
    }

    private static Task ReplyAsync(HttpContext context, StoredMessage reply)
    {
        var status = reply.Headers?.GetValueOrDefault(StatusHeader) is { } text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var own) && own is >= 200 and <= 599 ? own : StatusCodes.Status200OK;
        var type = reply.ContentType is { } said && BridgeMessage.IsMediaType(said) ? said : reply.Text is null ? MediaTypeNames.Application.Octet : "text/plain; charset=utf-8";
        return WriteAsync(context, status, type, reply.Bytes ?? Encoding.UTF8.GetBytes(reply.Text ?? ""));
    }

    private static async Task WriteAsync(HttpContext context, int status, string type, byte[] body)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.Headers.CacheControl = "no-store";
        if (status is StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified)
        {
            return;
        }

        response.ContentType = type;
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(body, context.RequestAborted);
        }
    }
}
