using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Auth;

/// <summary>
/// Tokens for any name, in Development, to whoever proves with the secret file that it is the same user on the same machine. An address proves nothing: a page
/// that rebinds its name, a pipe onto this very service and a proxy with its default settings all come from 127.0.0.1 (G6).
/// </summary>
internal sealed class DevelopmentIdentity(TokenIssuer tokens, Standing standing, IHostEnvironment environment)
{
    /// <summary>A working day: nobody signs in twice while trying things out, and the key ends with the process anyway.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    private const int MaxBodyBytes = 4 * 1024;

    private readonly byte[] _secret = Encoding.ASCII.GetBytes(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
    private ImmutableHashSet<int> _ports = [];

    public bool IsInDevelopment { get; } = environment.IsDevelopment();

    /// <summary>What the file holds: 256 random bits, new at each start.</summary>
    public string Secret => Encoding.ASCII.GetString(_secret);

    /// <summary>From now on there is a development identity on this port, which only loopback addresses reach.</summary>
    public void Offer(int port) => ImmutableInterlocked.Update(ref _ports, ports => ports.Add(port));

    /// <summary>Whether this request may learn that there is such an endpoint; for any other it does not exist.</summary>
    public bool MayKnow(HttpContext context) =>
        IsInDevelopment && HttpMethods.IsPost(context.Request.Method) && IsDirect(context) && IsPlain(context.Request) && HasSecret(context.Request);

    /// <summary>Answers a request that <see cref="MayKnow"/> let through.</summary>
    public async Task AnswerAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        var client = (await AuthRequests.ReadAsync<Asked>(context, MaxBodyBytes, JsonSerializerOptions.Web))?.Client;
        var error = client is null || !Address.IsClientId(client)
            ? DuplexityError.Of(Errors.InvalidRequest, "Send {\"client\": \"NAME\"}, where NAME can be a client: no white space, control characters, colons or asterisks.")
            : standing.Removed(client);
        if (error is not null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsJsonAsync(new Refusal(error), JsonSerializerOptions.Web, context.RequestAborted);
            return;
        }

        var token = tokens.CreateForDevelopment(client!, Lifetime);
        await context.Response.WriteAsJsonAsync(new Granted(token, "Bearer", (long)Lifetime.TotalSeconds, client!), JsonSerializerOptions.Web, context.RequestAborted);
    }

    // Both ends on loopback, on a listener that nothing else reaches.
    private bool IsDirect(HttpContext context) =>
        context.Connection is { LocalIpAddress: { } local, RemoteIpAddress: { } remote, LocalPort: var port }
        && IPAddress.IsLoopback(PeerAddresses.Plain(local)) && IPAddress.IsLoopback(PeerAddresses.Plain(remote))
        && _ports.Contains(port)
        && context.Request.Host is var host && ServiceHosts.IsLoopback(host.Host) && (host.Port ?? (context.Request.IsHttps ? 443 : 80)) == port;

    // No page, and nobody in between.
    private static bool IsPlain(HttpRequest request) =>
        !request.Headers.ContainsKey("Origin")
        && request.Headers["Sec-Fetch-Site"] is [] or ["none"]
        && !request.Headers.Keys.Any(name => name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase) || name.Equals("Via", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase));

    private bool HasSecret(HttpRequest request) =>
        request.Headers[DevelopmentSecret.Header] is [{ } shown] && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(shown), _secret);

    private sealed record Asked(string? Client);

    private sealed record Granted(
        [property: JsonPropertyName("access_token")] string AccessToken,
        [property: JsonPropertyName("token_type")] string TokenType,
        [property: JsonPropertyName("expires_in")] long ExpiresIn,
        string Client);

    private sealed record Refusal(DuplexityError Error);
}
