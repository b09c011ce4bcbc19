using System.Security.Claims;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// <c>/data/carry</c> at a front, which has no issuer's key and could make nobody a token: the node that ordered the carrier says whose token it is, and whether it is good now. Who has no ticket is not worth a question. Thread-safe.
/// </summary>
internal sealed class FrontCarry(CarryDesk desk, CarryEndpoint endpoint, NodeBook nodes, NodeCalls calls)
{
    private const string Bearer = "Bearer ";

    public async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.Headers.Authorization is [{ } header] && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)
            && request.Headers[Wire.CarryHeader] is [{ } ticket] && desk.Find(ticket) is { } entry
            && await ClientOfAsync(header[Bearer.Length..].Trim(), entry, context.RequestAborted) is { } client)
        {
            context.Features.Set(new Identity(client, null, "", null, new ClaimsPrincipal()));
        }

        await endpoint.HandleAsync(context);
    }

    private async Task<string?> ClientOfAsync(string token, PipeEntry entry, CancellationToken ct)
    {
        try
        {
            return await nodes.FindAsync(entry.Node, ct) is { } node
                ? (await calls.AskAsync<WhoQuestion, WhoAnswer>(node, WhoQuestion.Word, new(token, entry.Session), ct)).Client
                : null;
        }
        catch (Exception e) when (e is DuplexityException or NodeRefusedException)
        {
            return null; // whoever cannot be vouched for is nobody
        }
    }
}
