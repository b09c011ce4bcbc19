using System.Net.WebSockets;
using System.Reflection;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Http.Connections.Client;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Links;

/// <summary>Makes hub connections of one session: WebSockets without negotiation, so that no connection needs a sticky load balancer.</summary>
internal sealed class Dialer(Uri server, string session, DuplexityConnectionOptions options)
{
    // The server is silent for at most its 5 s of keep-alive; a link that brought nothing for four of these is dead.
    private static readonly TimeSpan ServerTimeout = TimeSpan.FromSeconds(20);

    // The server gives a client up after 20 s: three of our pings may be lost.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(5);

    private static readonly string UserAgent =
        "duplexity-dotnet/" + (typeof(Dialer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0");

    public string Session => session;

    /// <summary>The address of a hub below the server's own.</summary>
    public Uri Hub(string name)
    {
        var root = server.AbsoluteUri;
        return new Uri(new Uri(root.EndsWith('/') ? root : root + "/"), name);
    }

    public HubConnection Create(Uri hub)
    {
        var uri = new UriBuilder(hub);
        uri.Query = (uri.Query.Length > 1 ? uri.Query[1..] + "&" : "") + "session=" + Uri.EscapeDataString(session);
        var builder = new HubConnectionBuilder()
            .WithUrl(uri.Uri, http =>
            {
                http.Transports = HttpTransportType.WebSockets;
                http.SkipNegotiation = true;
                http.WebSocketFactory = OpenAsync;
            })
            .WithServerTimeout(ServerTimeout)
            .WithKeepAliveInterval(KeepAlive);
        if (options.Format == WireFormat.MessagePack)
        {
            builder.AddMessagePackProtocol();
        }
        else
        {
            builder.AddJsonProtocol(json => json.PayloadSerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull);
        }

        return builder.Build();
    }

    // Our own factory, because SignalR's does not say with which status an upgrade was refused, and asks for the token at other times as well.
    private async ValueTask<WebSocket> OpenAsync(WebSocketConnectionContext context, CancellationToken ct)
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.CollectHttpResponseDetails = true;
            socket.Options.SetRequestHeader("User-Agent", UserAgent);
            if (options.Token is { } token && await token(ct).ConfigureAwait(false) is { } value)
            {
                socket.Options.SetRequestHeader("Authorization", "Bearer " + value);
            }

            await socket.ConnectAsync(context.Uri, ct).ConfigureAwait(false);
            return socket;
        }
        catch (WebSocketException e) when ((int)socket.HttpStatusCode >= 200)
        {
            var status = socket.HttpStatusCode;
            socket.Dispose();
            throw Faults.OfStatus(status, server, e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
