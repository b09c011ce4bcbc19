using System.Text.Json;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// The way of a visitor of a public pipe through the sign-in and back (G5): out by a sealed order that only the front of that pipe writes, back by a code that only the browser redeems which left. It is
/// the way of an application's page (<see cref="PageCodes"/>), and the person says yes before the pipe's owner learns who it is. Thread-safe.
/// </summary>
internal sealed class VisitorSignIn(Sealing sealing, TimeProvider time, IOptions<DuplexityOptions> options)
{
    private const string Purpose = "visitor-sign-in";

    /// <summary>Where it was mapped; known when the node has started.</summary>
    private string _path = "/auth/visit";

    /// <summary>Maps what is below <c>/auth</c>: the way out, and the keys that whoever is told of a visitor verifies it with.</summary>
    public void Map(IEndpointRouteBuilder auth, SignInEndpoints signIn, Assertions assertions)
    {
        auth.MapService("GET", "/visit", context => LeaveAsync(context, signIn), requireIdentity: false)
            .Add(endpoint => _path = "/" + ((RouteEndpointBuilder)endpoint).RoutePattern.RawText!.TrimStart('/'));
        auth.MapService("GET HEAD", "/jwks", async context =>
        {
            context.Response.Headers.CacheControl = "public, max-age=300";
            await AuthRequests.AnswerAsync(context, await assertions.KeySetAsync(context.RequestAborted));
        }, requireIdentity: false);
    }

    /// <summary>The address that a browser is sent to from a pipe.</summary>
    public string AddressFor(HttpRequest request, VisitorReturn back)
    {
        var order = new Order(back.Host, back.Owner, back.Uri, back.Challenge, time.GetUtcNow() + options.Value.Times.SignIn);

        // Without an address of its own the service is at this very port of this machine.
        var service = options.Value.Url?.GetLeftPart(UriPartial.Authority) ?? $"{request.Scheme}://localhost{(request.Host.Port is { } port ? $":{port}" : "")}";
        return $"{service}{_path}?at={Uri.EscapeDataString(sealing.Seal(Purpose, JsonSerializer.Serialize(order)))}";
    }

    private Task LeaveAsync(HttpContext context, SignInEndpoints signIn)
    {
        var json = context.Request.Query["at"] is [{ Length: > 0 and < 8192 } text] ? sealing.Open(Purpose, text) : null;
        if ((json is null ? null : JsonSerializer.Deserialize<Order>(json)) is not { } order || order.Until <= time.GetUtcNow())
        {
            return SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "This link is over", "Open the page that you wanted to visit once more.");
        }

        return signIn.LeaveAsync(context, null, new PageRedirect(order.Uri, null, order.Challenge) { Pipe = order.Host, Owner = order.Owner });
    }

    private sealed record Order(string Host, string Owner, string Uri, string Challenge, DateTimeOffset Until);
}
