using System.Net.Http.Headers;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Server.Tunnels.Inspection;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>Makes a message of a visitor's request: its body as text or bytes, its method, target and headers as headers, its sender's own id as the key under which it is taken once.</summary>
internal static class BridgeMessage
{
    /// <summary>Of the bytes that a message's headers may have, these are for the request's: method, target and what asks for an answer have the rest.</summary>
    private const int HeaderBytes = 2 * 1024;

    /// <summary>The longest target that is told; of a longer one the beginning.</summary>
    private const int TargetLength = 1024;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Under which names senders give a request an id that stays when they repeat it. Not X-Gitlab-Event-UUID: hooks that set each other off share one; GitLab says Idempotency-Key as well.
    private static readonly string[] Ids = ["Idempotency-Key", "Webhook-Id", "Svix-Id", "X-GitHub-Delivery", "X-Shopify-Webhook-Id"];

    // Under which they say what it is about.
    private static readonly string[] Types = ["X-GitHub-Event", "X-Gitlab-Event", "X-Shopify-Topic", "X-Event-Type", "X-Event-Key"];

    // A room has many readers: what lets a visitor in somewhere is none of their business. The rest is about the connection, or in the message anyway.
    private static readonly HashSet<string> Hidden = new(StringComparer.OrdinalIgnoreCase)
    {
        "Authorization", "Cookie", "Proxy-Authorization", "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length", "Content-Type",
        VisitorGates.IdentityHeader,
    };

    /// <summary>Whether requests of a method become messages: those that say something, and where an answer is given, those that ask too.</summary>
    public static bool Takes(string method, bool isAnswered) => HttpMethods.IsPost(method) || HttpMethods.IsPut(method) || HttpMethods.IsPatch(method)
        || (isAnswered && (HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsDelete(method)));

    /// <summary>Whether a text can be a Content-Type.</summary>
    public static bool IsMediaType(string text) => MediaTypeHeaderValue.TryParse(text, out _);

    /// <summary>The message.</summary>
    public static SendRequest Of(HttpContext context, PipeEntry entry, byte[] body)
    {
        var request = context.Request;
        var text = TextOf(request.ContentType, body);
        return new SendRequest
        {
            To = [entry.Resource],
            Text = text,
            Bytes = text is null ? body : null,
            ContentType = request.ContentType is { Length: <= Wire.MaxNameLength } type ? type : null,
            Type = First(request, Types),
            IdempotencyKey = IdOf(context) is { } id ? KeyOf(entry, context.Features.Get<Visitor>()?.KnownAt(entry), id) : null,
            Headers = HeadersOf(context),
        };
    }

    /// <summary>The same without destinations.</summary>
    public static EmitRequest ToEmit(SendRequest request) => new()
    {
        Text = request.Text,
        Bytes = request.Bytes,
        ContentType = request.ContentType,
        Type = request.Type,
        IdempotencyKey = request.IdempotencyKey,
        Headers = request.Headers,
    };

    private static string? First(HttpRequest request, string[] names) =>
        names.Select(n => request.Headers[n].ToString()).FirstOrDefault(v => v.Length is > 0 and <= Wire.MaxNameLength);

    /// <summary>The id that a request keeps when it comes again; null: each is another one.</summary>
    private static string? IdOf(HttpContext context) => context.Features.Get<Replay>() switch
    {
        ExchangeReplay => null, // asked for by hand: once more
        QueuedReplay kept => First(context.Request, Ids) ?? kept.Id, // after a crash it is sent twice
        _ => First(context.Request, Ids),
    };

    /// <summary>What of a request is the same when its sender repeats it. Headers are not: senders of webhooks sign each try anew.</summary>
    public static string FingerprintOf(HttpContext context, byte[] body) => Fingerprint.Of([context.Request.Method, FrontTransform.TargetOf(context)], body);

    /// <summary>Of two pipes, of two visitors who are known, and of a pipe and its owner's other messages, keys never meet (G4).</summary>
    private static string KeyOf(PipeEntry entry, string? visitor, string id) => "pipe-" + Fingerprint.Of([entry.Name, visitor, id], []);

    private static string? TextOf(string? contentType, byte[] body)
    {
        var type = MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? parsed.MediaType?.ToLowerInvariant() ?? "" : "";
        var isText = body.Length == 0 || type.StartsWith("text/", StringComparison.Ordinal) || type.EndsWith("+json", StringComparison.Ordinal) || type.EndsWith("+xml", StringComparison.Ordinal)
            || type is "application/json" or "application/xml" or "application/x-www-form-urlencoded" or "application/x-ndjson";
        if (!isText || (parsed?.CharSet is { } charset && !charset.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            return body.Length == 0 ? "" : null;
        }

        try
        {
            return Strict.GetString(body);
        }
        catch (DecoderFallbackException)
        {
            // It says that it is text, and is not: what it is stays for the reader to find out.
            return null;
        }
    }

    private static Dictionary<string, string> HeadersOf(HttpContext context)
    {
        var request = context.Request;
        var target = FrontTransform.TargetOf(context);
        var headers = new Dictionary<string, string>
        {
            ["http-method"] = request.Method,
            ["http-target"] = VisibleText.Of(Redaction.Url(target), TargetLength),
        };
        var left = HeaderBytes;
        foreach (var (name, values) in request.Headers)
        {
            if (Hidden.Contains(name) || Redaction.IsSecretHeader(name) || name.StartsWith(':') || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("Accept", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            var (key, value) = (name.ToLowerInvariant(), VisibleText.Of(values.ToString(), HeaderBytes));
            left -= Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
            if (left < 0)
            {
                headers["http-headers"] = "truncated";
                break;
            }

            headers.TryAdd(key, value);
        }

        return headers;
    }
}
