using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Serialization;

namespace Duplexity;

/// <summary>
/// Tokens for any name from a service in the Development environment on this machine (G6): the caller proves with <see cref="DevelopmentSecret"/>'s
/// file that it is the same user. Outside Development the service has no such endpoint.
/// </summary>
public static class DevelopmentToken
{
    /// <summary>How long one token request may take: 10 s; it goes to this machine only.</summary>
    public static TimeSpan Timeout { get; } = TimeSpan.FromSeconds(10);

    // No proxy, no redirect, no address but loopback: the secret never leaves the machine, whatever "localhost" resolves to.
    private static readonly HttpClient Http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
        ConnectCallback = ConnectToLoopbackAsync,
    })
    { Timeout = Timeout };

    /// <summary>
    /// A source of tokens for <see cref="DuplexityConnectionOptions.Token"/>. Reads the secret and asks anew at every call, for a service that was started
    /// again has a new one. Thread-safe.
    /// </summary>
    /// <param name="server">The service's own address with a loopback host, such as <c>http://localhost:5080</c>.</param>
    /// <param name="client">The CID to be; any name.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="server"/> is not a loopback address, or <paramref name="client"/> cannot be a CID. The function that comes back throws
    /// <see cref="DuplexityException"/> with code 400 where no service in Development answers: that may pass, so a connection tries again.
    /// </exception>
    public static Func<CancellationToken, ValueTask<string?>> For(Uri server, string client)
    {
        ArgumentNullException.ThrowIfNull(server);
        if (!server.IsAbsoluteUri || !IsLoopback(server))
        {
            throw new ArgumentException("The development identity works on this machine only; the server's host must be localhost, 127.0.0.1 or [::1].", nameof(server));
        }

        if (!Address.IsClientId(client))
        {
            throw new ArgumentException($"\"{VisibleText.Of(client, 64)}\" cannot be a client's name.", nameof(client));
        }

        return cancel => RequestAsync(server, client, cancel);
    }

    /// <summary>Whether the host of <paramref name="server"/> is <c>localhost</c> or a loopback literal: the only servers that <see cref="For"/> takes.</summary>
    public static bool IsLoopback(Uri server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return server.IdnHost.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(server.IdnHost, out var address) && IPAddress.IsLoopback(address));
    }

    private static async ValueTask<string?> RequestAsync(Uri server, string client, CancellationToken cancel)
    {
        try
        {
            var secret = await ReadSecretAsync(server, cancel).ConfigureAwait(false);
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(WithSlash(server), DevelopmentSecret.Endpoint))
            {
                Content = JsonContent.Create(new TokenRequest(client)),
            };
            request.Headers.Add(DevelopmentSecret.Header, secret);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using var response = await Http.SendAsync(request, cancel).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw Unavailable($"{Shown(server)} gives no development tokens (it answered {(int)response.StatusCode}); is it another service than the one that wrote the secret?");
            }

            var answer = await response.Content.ReadFromJsonAsync<TokenResponse>(cancel).ConfigureAwait(false);
            return answer?.AccessToken ?? throw Unavailable($"{Shown(server)} answered without a token.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or System.Text.Json.JsonException)
        {
            throw Unavailable($"No service in Development answers at {Shown(server)}.", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Unavailable($"{Shown(server)} did not give a token within {Timeout.TotalSeconds:0} s.", e);
        }
    }

    private static async Task<string> ReadSecretAsync(Uri server, CancellationToken cancel) =>
        (await File.ReadAllTextAsync(DevelopmentSecret.PathFor(server.Port), cancel).ConfigureAwait(false)).Trim();

    private static async ValueTask<Stream> ConnectToLoopbackAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancel).ConfigureAwait(false);
            return socket.RemoteEndPoint is IPEndPoint { Address: var address } && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)
                ? new NetworkStream(socket, ownsSocket: true)
                : throw new HttpRequestException("The host name does not lead to this machine.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Uri WithSlash(Uri server) => server.AbsolutePath.EndsWith('/') ? server : new Uri(server.GetLeftPart(UriPartial.Path) + "/");

    private static string Shown(Uri server) => server.GetLeftPart(UriPartial.Authority);

    private static DuplexityException Unavailable(string sentence, Exception? inner = null) => new(DuplexityError.Of(Errors.Unavailable, sentence), inner);

    private sealed record TokenRequest([property: JsonPropertyName("client")] string Client);

    private sealed record TokenResponse([property: JsonPropertyName("access_token")] string? AccessToken);
}
