using System.Buffers.Text;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Cluster;

/// <summary>What the node where a connection came in tells the one that it hands it on to; also the mark of such a request, which is not handed on again.</summary>
/// <param name="Via">The node where it came in.</param>
/// <param name="Scheme">As it came.</param>
/// <param name="Base">The path under which the service is there.</param>
/// <param name="Address">Where it came from.</param>
/// <param name="Port">Its port there.</param>
internal sealed record HandedOn(string Via, string Scheme, string Base, string? Address, int Port)
{
    /// <summary>Of a request as it came in at a node.</summary>
    public static HandedOn Of(HttpContext context, string node) => new(
        node, context.Request.Scheme, context.Request.PathBase.Value ?? "", context.Connection.RemoteIpAddress?.ToString(), context.Connection.RemotePort);

    /// <summary>Reads <see cref="ToString"/>.</summary>
    public static HandedOn Read(string text) => JsonSerializer.Deserialize<HandedOn>(Base64Url.DecodeFromChars(text))!;

    /// <summary>As it travels in a header.</summary>
    public override string ToString() => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(this));

    /// <summary>Makes the request what it was where it came in.</summary>
    public void Restore(HttpContext context)
    {
        NodeRequest.Remove(context.Request.Headers);
        context.Request.Scheme = Scheme;
        context.Connection.RemoteIpAddress = Address is null ? null : IPAddress.Parse(Address);
        context.Connection.RemotePort = Port;
        context.Features.Set(this);
    }
}
