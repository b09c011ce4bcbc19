using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Sockets;

/// <summary>What a socket stands on: how it came here, and the two ways to end it.</summary>
internal sealed class SocketTransport
{
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HubConnectionContext _connection;

    private readonly CancellationToken _aborted;

    public SocketTransport(HubConnectionContext connection)
    {
        _connection = connection;
        var http = connection.GetHttpContext();
        http?.Response.OnCompleted(() =>
        {
            _gone.TrySetResult();
            return Task.CompletedTask;
        });
        _aborted = http?.RequestAborted ?? default;
        UserAgent = http?.Request.Headers.UserAgent.ToString() is { Length: > 0 } agent ? agent : null;
        Family = http is null ? null : PeerAddresses.Remote(http)?.AddressFamily;
        Kind = connection.Features.Get<IHttpTransportFeature>()?.TransportType.ToString() ?? "";
    }

    /// <summary>Whether the connection broke: it ended without the handshake of a close.</summary>
    public bool IsAborted => _aborted.IsCancellationRequested;

    /// <summary>What the program called itself.</summary>
    public string? UserAgent { get; }

    public AddressFamily? Family { get; }

    /// <summary>Such as <c>WebSockets</c>.</summary>
    public string Kind { get; }

    /// <summary>Completes when it is through, the client's last read included.</summary>
    public Task Gone => _gone.Task;

    /// <summary>Ends it once what was written is out.</summary>
    public void End(bool mayComeBack) => End(_connection.Features, mayComeBack, _connection.Abort);

    /// <summary>
    /// Ends a hub connection, of either hub, once what was written is out. SignalR's own close message tells stock clients whether they may come back: an abort
    /// forbids it.
    /// </summary>
    public static void End(IFeatureCollection features, bool mayComeBack, Action abort)
    {
        if (mayComeBack && features.Get<IConnectionLifetimeNotificationFeature>() is { } lifetime)
        {
            lifetime.RequestClose();
        }
        else
        {
            abort();
        }
    }

    /// <summary>Ends it at once, with whatever is still on its way.</summary>
    public void Cut() => _connection.GetHttpContext()?.Abort();
}
