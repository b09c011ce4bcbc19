using System.Net;
using System.Net.WebSockets;
using Duplexity.Links;

namespace Duplexity.Carriers;

/// <summary>Opens connections to private pipes at <c>/data/dial</c>: like a carrier a plain WebSocket with the client's token, and no redirects.</summary>
internal sealed class Dial(Uri server, Func<CancellationToken, ValueTask<string?>> token)
{
    // As long as the node waits for a carrier, and a little for the way.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(10) });

    /// <exception cref="DuplexityException">It was refused, or there is nobody.</exception>
    public async Task<DialledStream> OpenAsync(string name, CancellationToken ct)
    {
        var socket = new ClientWebSocket();
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
            timeout.CancelAfter(Patience);
            socket.Options.KeepAliveInterval = TimeSpan.FromSeconds(15);
            socket.Options.KeepAliveTimeout = Timeout.InfiniteTimeSpan; // a finite one aborts every half-closed connection
            socket.Options.CollectHttpResponseDetails = true;
            if (await token(timeout.Token).ConfigureAwait(false) is { } bearer)
            {
                socket.Options.SetRequestHeader("Authorization", $"Bearer {bearer}");
            }

            await socket.ConnectAsync(At(name, isSocket: true), Http, timeout.Token).ConfigureAwait(false);
            return new DialledStream(socket);
        }
        catch (Exception e) when (e is WebSocketException or IOException or HttpRequestException or InvalidOperationException or OperationCanceledException)
        {
            var status = socket.HttpStatusCode;
            socket.Dispose();
            ct.ThrowIfCancellationRequested();
            throw Refused(name, status, e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <exception cref="DuplexityException">It cannot be said.</exception>
    public async Task<bool> MayAsync(string name, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(Patience);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, At(name, isSocket: false));
            if (await token(timeout.Token).ConfigureAwait(false) is { } bearer)
            {
                request.Headers.Authorization = new("Bearer", bearer);
            }

            using var response = await Http.SendAsync(request, timeout.Token).ConfigureAwait(false);
            return response.StatusCode switch
            {
                HttpStatusCode.UpgradeRequired => true,
                HttpStatusCode.NotFound => false,
                var other => throw Refused(name, other, null),
            };
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            ct.ThrowIfCancellationRequested();
            throw Refused(name, 0, e);
        }
    }

    private Uri At(string name, bool isSocket)
    {
        var root = server.AbsoluteUri;
        var at = new UriBuilder(new Uri(new Uri(root.EndsWith('/') ? root : root + "/"), "data/dial")) { Query = "pipe=" + Uri.EscapeDataString(name) };
        at.Scheme = isSocket ? (server.Scheme == "https" ? "wss" : "ws") : at.Scheme;
        return at.Uri;
    }

    private DuplexityException Refused(string name, HttpStatusCode status, Exception? cause)
    {
        var shown = VisibleText.Of(name, VisibleText.LogLength);
        return status switch
        {
            HttpStatusCode.NotFound => new(DuplexityError.Of(Errors.UnknownDestination, $"There is no private pipe {shown} that this client may dial."), cause),
            HttpStatusCode.TooManyRequests => new(DuplexityError.Of(Errors.RateLimited, "This client has as many connections to private pipes as it may, or opens more of them than the owner of this one allows.") with { RetryAfterMs = 1_000 }, cause),
            HttpStatusCode.BadGateway => new(DuplexityError.Of(Errors.Unavailable, $"Whoever serves {shown} cannot be reached at the moment."), cause),
            HttpStatusCode.ServiceUnavailable or 0 => new(DuplexityError.Of(Errors.Unavailable, $"The server at {server} cannot take the connection now."), cause),
            _ => Faults.OfStatus(status, server, cause),
        };
    }
}
