using System.Buffers;
using System.Globalization;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Api;

/// <summary>One request to the HTTP API, behind the gate: who asks, and what the request says. Errors are thrown as what the caller is to be told.</summary>
internal sealed class ApiCall(HttpContext context, ApiRoute route, ApiClients clients, HeldIdentity acting, Standing standing, TimeProvider time, DuplexityOptions options)
{
    /// <summary>The largest body but a batch's: as a frame of the hubs.</summary>
    private const int MaxBytes = Wire.MaxMessageBytes;

    /// <summary>The most of a page, whatever it is of.</summary>
    private const int PageBytes = 1024 * 1024;

    /// <summary>The client that the request acts as, with its allowances and what it has used of them.</summary>
    public HeldIdentity Acting { get; } = acting;

    /// <summary>Bytes of the body so far, which the client's share of the node's has.</summary>
    public long BodyBytes { get; private set; }

    /// <summary>Bytes that the answer may have, which the client's share has; 0: it is no page.</summary>
    public long AnswerBytes { get; private set; }

    /// <summary>Ends with the request. Never given to what stores or changes something: that is done whole, whoever has gone.</summary>
    public CancellationToken Aborted => context.RequestAborted;

    /// <summary>The header <c>Idempotency-Key</c>.</summary>
    public string? IdempotencyKey => context.Request.Headers["Idempotency-Key"] switch
    {
        { Count: 0 } => null,
        [{ Length: > 0 } key] => key,
        _ => throw Wrong("The header Idempotency-Key has one value, once."),
    };

    /// <summary>Takes the bytes of a page before it is read.</summary>
    /// <exception cref="DuplexityException">There are too many under way.</exception>
    public void TakePage()
    {
        clients.Take(Acting, PageBytes);
        AnswerBytes += PageBytes;
    }

    /// <summary>Refuses what may not begin any more: between the gate and here a body may have taken its time.</summary>
    public void CheckStanding()
    {
        if (Against() is { } against)
        {
            throw new DuplexityException(against);
        }
    }

    /// <summary>Who sends: it is asked again how it stands when gates have taken their time (G8).</summary>
    public Sender Sender(SendLine? line = null) => Acting.SenderFrom(null, line) with { Against = Against };

    private DuplexityError? Against() => standing.Problem(Acting.Identity) is not null || !Acting.Identity.IsValidAt(time.GetUtcNow()) ? IdentityChanges.Refused() : standing.Block(Acting.Client, null);

    /// <summary>A part of the path.</summary>
    public string Path(string name)
    {
        var routed = (string)context.Request.RouteValues[name]!;
        if (!routed.Contains("%2F", StringComparison.OrdinalIgnoreCase))
        {
            return routed;
        }

        // Servers decode everything in a path but this one: whether it is a slash, or was written %252F, only the target as it came knows.
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget.Split('?')[0] ?? "";
        return target.Split('/').FirstOrDefault(s => Uri.UnescapeDataString(s.Replace("%2F", "%252F", StringComparison.Ordinal).Replace("%2f", "%252f", StringComparison.Ordinal)) == routed) is { } segment
            ? Uri.UnescapeDataString(segment)
            : routed;
    }

    /// <summary>A parameter of the query; null: it is not there.</summary>
    public string? Query(string name) => Query(name, "one value, once", (string text, out string? value) => (value = text).Length > 0);

    /// <summary>A number of the query.</summary>
    public long? Number(string name) => Query(name, "a whole number", (string text, out long? value) =>
        (value = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null) is not null);

    /// <summary>How many, as the query says; beyond what such a number can be it is the nearest one that can.</summary>
    public int? Count(string name) => Number(name) is { } number ? (int)Math.Clamp(number, int.MinValue, int.MaxValue) : null;

    /// <summary>A yes or no of the query.</summary>
    public bool? Flag(string name) => Query(name, "true or false", (string text, out bool? value) => (value = text switch { "true" => true, "false" => false, _ => null }) is not null);

    /// <summary>A place of the query, <c>OFFSET@EPOCH</c>.</summary>
    public Position? Place(string name) => Query(name, "OFFSET@EPOCH, as a position that was delivered", (string text, out Position? value) => Position.TryParse(text, null, out value));

    /// <summary>The body.</summary>
    public async Task<T> ReadAsync<T>(int maxBytes = MaxBytes)
        where T : class
    {
        var type = MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var parsed) ? parsed : null;
        if (type?.MediaType.Value?.ToLowerInvariant() != Body.Json || (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType, DuplexityError.Of(Errors.Unreadable, "Send the body as `Content-Type: application/json`, in UTF-8."));
        }

        var record = (T)ApiJson.Read((await ReadBodyAsync(maxBytes)).Span, typeof(T));
        CheckStanding();
        return record;
    }

    /// <summary>Refuses a body that says something: here the path says all.</summary>
    public async Task ReadNothingAsync()
    {
        if (await ReadBodyAsync(MaxBytes) is { Length: > 0 } body)
        {
            ApiJson.Read(body.Span, typeof(ApiNothing));
        }

        CheckStanding();
    }

    /// <summary>Refuses parameters that the operation does not know: one that is misspelt is not one that was left out.</summary>
    public void CheckQuery()
    {
        foreach (var name in context.Request.Query.Keys)
        {
            if (!route.Parameters.Any(p => !p.IsInPath && p.Name == name))
            {
                throw Wrong($"\"{VisibleText.Of(name, 64)}\" is no parameter here.");
            }
        }
    }

    /// <summary>A refusal of a request that is wrong.</summary>
    public static DuplexityException Wrong(string sentence) => new(DuplexityError.Of(Errors.InvalidRequest, sentence));

    private delegate bool Reader<T>(string text, out T? value);

    private T? Query<T>(string name, string what, Reader<T> read) => context.Request.Query[name] switch
    {
        { Count: 0 } => default,
        [{ } text] when read(text, out var value) => value,
        StringValues other => throw Wrong($"{name} is {what}; \"{VisibleText.Of(other.ToString(), 64)}\" is not."),
    };

    private async Task<ReadOnlyMemory<byte>> ReadBodyAsync(int maxBytes)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            // The count below decides; this is so that the server's own, lower or higher, does not.
            size.MaxRequestBodySize = null;
        }

        if (context.Request.ContentLength > maxBytes)
        {
            throw TooLarge(maxBytes, context.Request.ContentLength.Value);
        }

        // By the reader's own way to give up: after a read that a token ended, Kestrel cannot use up the rest.
        var reader = context.Request.BodyReader;
        await using var late = time.CreateTimer(_ => reader.CancelPendingRead(), null, options.Times.ApiRequest, Timeout.InfiniteTimeSpan);
        var body = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await reader.ReadAsync();
            if (body.WrittenCount + read.Buffer.Length > maxBytes)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw TooLarge(maxBytes, body.WrittenCount + read.Buffer.Length);
            }

            try
            {
                clients.Take(Acting, read.Buffer.Length);
                BodyBytes += read.Buffer.Length;
            }
            catch (DuplexityException)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw;
            }

            foreach (var segment in read.Buffer)
            {
                body.Write(segment.Span);
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return body.WrittenMemory;
            }

            if (read.IsCanceled)
            {
                throw new ApiException(StatusCodes.Status408RequestTimeout, DuplexityError.Of(Errors.Unreadable, $"The body did not come whole within {options.Times.ApiRequest.TotalSeconds:0.###} s; nothing of it was done."));
            }
        }
    }

    private static DuplexityException TooLarge(int maxBytes, long bytes) =>
        new(DuplexityError.Of(Errors.MessageTooLarge, $"The request's body is too large: at most {maxBytes} bytes are allowed.") with { Limit = "request_bytes", Used = bytes });
}

/// <summary>A refusal that HTTP has a status of its own for.</summary>
internal sealed class ApiException(int status, DuplexityError error) : Exception(error.Sentence)
{
    public int Status { get; } = status;

    public DuplexityError Error { get; } = error;
}
