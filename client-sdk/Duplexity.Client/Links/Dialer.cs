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

    // A node's own address, where a node that was emptied sent us; the server's own is not forgotten.
    private Uri? _elsewhere;
    private bool _isElsewhere;

    public string Session => session;

    /// <summary>From now on to the address that a node names which is being emptied (null: the server's own). It comes on a connection that our token has opened, as Discover's answer does, and is good for no more: never in clear once the server's own is encrypted.</summary>
    public void MoveTo(string? address)
    {
        _elsewhere = Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && (uri.Scheme == "https" || server.Scheme is not ("https" or "wss")) ? uri : null;
        _isElsewhere = _elsewhere is not null;
    }

    /// <summary>Nobody could be reached: the next attempt goes to the other address, where there are two.</summary>
    public void Turn() => _isElsewhere = !_isElsewhere && _elsewhere is not null;

    /// <summary>The address of a hub below the server's.</summary>
    public Uri Hub(string name)
    {
        var root = (_isElsewhere ? _elsewhere! : server).AbsoluteUri;
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
