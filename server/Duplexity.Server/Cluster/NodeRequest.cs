using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Cluster;

/// <summary>What of a request between nodes is signed, and travels in headers beside it.</summary>
internal sealed record NodeRequest
{
    /// <summary>What the headers' names begin with; a client's own headers of that name are taken off.</summary>
    public const string Prefix = "Duplexity-Node-";

    private const string FromHeader = Prefix + "From";
    private const string ToHeader = Prefix + "To";
    private const string AtHeader = Prefix + "At";
    private const string NonceHeader = Prefix + "Nonce";
    private const string ContextHeader = Prefix + "Context";

    /// <summary>The header of the signature, of requests and of answers.</summary>
    public const string SignatureHeader = Prefix + "Signature";

    public required string Method { get; init; }

    /// <summary>Path and query, as they are sent.</summary>
    public required string Target { get; init; }

    /// <summary>What is handed on about the client for whom it is; empty: nothing.</summary>
    public required string Context { get; init; }

    /// <summary>Name and life of the asking node.</summary>
    public required string From { get; init; }

    /// <summary>Name and life of the asked node.</summary>
    public required string To { get; init; }

    /// <summary>When it was signed, in milliseconds since 1970.</summary>
    public required string At { get; init; }

    /// <summary>128 random bits.</summary>
    public required string Nonce { get; init; }

    public required string Signature { get; init; }

    /// <summary>Reads it from what arrived; null: it is no request of a node.</summary>
    public static NodeRequest? Read(HttpContext context)
    {
        var headers = context.Request.Headers;
        return One(FromHeader) is { } from && One(ToHeader) is { } to && One(AtHeader) is { } at && One(NonceHeader) is { } nonce && One(SignatureHeader) is { } signature
            ? new()
            {
                Method = context.Request.Method,
                Target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
                Context = One(ContextHeader) ?? "",
                From = from,
                To = to,
                At = at,
                Nonce = nonce,
                Signature = signature,
            }
            : null;

        string? One(string name) => headers[name] is [{ } value] ? value : null;
    }

    /// <summary>Puts it into the headers of a request.</summary>
    public void Write(Action<string, string> header)
    {
        header(FromHeader, From);
        header(ToHeader, To);
        header(AtHeader, At);
        header(NonceHeader, Nonce);
        header(ContextHeader, Context);
        header(SignatureHeader, Signature);
    }

    /// <summary>Takes all headers of this kind off a request.</summary>
    public static void Remove(IHeaderDictionary headers)
    {
        foreach (var name in headers.Keys.Where(n => n.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            headers.Remove(name);
        }
    }
}
