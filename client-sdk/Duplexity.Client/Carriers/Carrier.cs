using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Authentication;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Carriers;

/// <summary>How a carry order ended.</summary>
internal enum CarrierOutcome
{
    /// <summary>The visitor connection was carried to its end.</summary>
    Carried,

    /// <summary>The order named an address that Discover had not listed: nothing was dialled.</summary>
    OrderRefused,

    /// <summary>The node did not take the carrier, or left before a visitor came.</summary>
    NodeAway,

    /// <summary>The resource could not be reached; the node was told so.</summary>
    ResourceAway,

    /// <summary>The connection broke on one side, and the other was told so.</summary>
    Broken,
}

/// <summary>The client's end of one visitor connection: a WebSocket to the node where the visitor is, spliced to the resource.</summary>
internal static class Carrier
{
    // As long as the node waits for a carrier: later, nobody is there any more.
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);

    // What is still on its way when one side has said the last word; as long as nginx' lingering_timeout.
    private static readonly TimeSpan LingerTimeout = TimeSpan.FromSeconds(5);

    // Redirects would carry ticket and token to an address that nobody listed. Cookies and credentials have no business here.
    private static readonly HttpMessageInvoker Dialer = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = DialTimeout });

    /// <summary>Carries out one order. Never throws but for <paramref name="ct"/>, which resets both ends.</summary>
    /// <param name="order">The order as it came.</param>
    /// <param name="resource">What the client registered for the order's pipe; nothing in the order can name another.</param>
    /// <param name="origins">The origins that Discover listed.</param>
    /// <param name="token">The client's access token.</param>
    /// <param name="ct">Ends the carrier at once.</param>
    /// <param name="use">Told of the resource's connections and failures.</param>
    /// <param name="waits">Ends the carrier while no visitor has come, which may be minutes: then what it would dial is not the pipe's any more.</param>
    public static async Task<CarrierOutcome> RunAsync(
        CarryOrder order, Resource resource, IReadOnlyCollection<string> origins, Func<CancellationToken, ValueTask<string?>> token, CancellationToken ct, ResourceUse? use = null, CancellationToken waits = default)
    {
        if (!MayDial(order.Uri, origins, out var uri))
        {
            return CarrierOutcome.OrderRefused;
        }

        using var socket = await OpenAsync(uri, order.Ticket, token, ct).ConfigureAwait(false);
        if (socket is null)
        {
            return CarrierOutcome.NodeAway;
        }

        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(waits, ct);
            if (!await IsWantedAsync(socket, either.Token).ConfigureAwait(false))
            {
                return CarrierOutcome.NodeAway;
            }

            using var connection = await DialAsync(resource, use, ct).ConfigureAwait(false);
            if (connection is null)
            {
                await RefuseAsync(socket, ct).ConfigureAwait(false);
                return CarrierOutcome.ResourceAway;
            }

            using var used = use?.Opened(connection);
            return await Splice.RunAsync(socket, connection, LingerTimeout, ct).ConfigureAwait(false) ? CarrierOutcome.Carried : CarrierOutcome.Broken;
        }
        catch (Exception e) when (e is WebSocketException or IOException or HttpRequestException or InvalidOperationException or OperationCanceledException)
        {
            socket.Abort();
            ct.ThrowIfCancellationRequested();
            return CarrierOutcome.NodeAway;
        }
    }

    private static bool MayDial(string text, IReadOnlyCollection<string> origins, out Uri uri)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out uri!) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0)
        {
            return false;
        }

        var listed = false;
        foreach (var origin in origins)
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var one))
            {
                continue;
            }

            if (one.Scheme == "https" && uri.Scheme == "http")
            {
                return false; // a server that speaks TLS is never followed to a plain address
            }

            listed |= Uri.Compare(one, uri, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;
        }

        return listed;
    }

    /// <summary>
    /// Opens the WebSocket; null: the node does not take it. Again where it could not be reached or says "not now": behind one address the balancer may have picked a node that stops, and a visitor waits. The ticket is good once,
    /// so nothing is carried twice.
    /// </summary>
    private static async Task<ClientWebSocket?> OpenAsync(Uri uri, string ticket, Func<CancellationToken, ValueTask<string?>> token, CancellationToken ct)
    {
        var target = new UriBuilder(uri) { Scheme = uri.Scheme == "https" ? "wss" : "ws", Port = uri.Port }.Uri;
        var backoff = new Backoff(FirstPause, DialTimeout / 4);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(DialTimeout);
        while (true)
        {
            var socket = new ClientWebSocket();
            try
            {
                socket.Options.KeepAliveInterval = TimeSpan.FromSeconds(15);
                socket.Options.KeepAliveTimeout = Timeout.InfiniteTimeSpan; // a finite one aborts every half-closed carrier
                socket.Options.CollectHttpResponseDetails = true;
                socket.Options.SetRequestHeader(Wire.CarryHeader, ticket);
                if (await token(timeout.Token).ConfigureAwait(false) is { } bearer)
                {
                    socket.Options.SetRequestHeader("Authorization", new AuthenticationHeaderValue("Bearer", bearer).ToString());
                }

                await socket.ConnectAsync(target, Dialer, timeout.Token).ConfigureAwait(false);
                return socket;
            }
            catch (Exception e) when (e is WebSocketException or IOException or HttpRequestException or InvalidOperationException or OperationCanceledException)
            {
                var isOver = timeout.IsCancellationRequested || e.GetBaseException() is AuthenticationException || socket.HttpStatusCode is not (0 or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable);
                socket.Dispose();
                ct.ThrowIfCancellationRequested();
                if (isOver)
                {
                    return null;
                }
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            try
            {
                await Task.Delay(backoff.Next(), timeout.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                return null;
            }
        }
    }

    /// <summary>Waits for the node's word that a visitor is there; false: it never came.</summary>
    private static async Task<bool> IsWantedAsync(ClientWebSocket socket, CancellationToken ct)
    {
        var go = new byte[1];
        var received = await socket.ReceiveAsync(go.AsMemory(), ct).ConfigureAwait(false);
        return received.MessageType == WebSocketMessageType.Binary && received.Count == 1 && go[0] == Wire.CarryGo;
    }

    private static async Task<ResourceConnection?> DialAsync(Resource resource, ResourceUse? use, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(DialTimeout);
        try
        {
            return await resource.DialAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            ct.ThrowIfCancellationRequested();
            use?.Failed(resource, e);
            return null;
        }
    }

    private static async Task RefuseAsync(ClientWebSocket socket, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(LingerTimeout);
        await socket.CloseOutputAsync((WebSocketCloseStatus)Wire.CarryResourceAway, null, timeout.Token).ConfigureAwait(false);
        await Splice.DrainAsync(socket, timeout.Token).ConfigureAwait(false);
    }
}
