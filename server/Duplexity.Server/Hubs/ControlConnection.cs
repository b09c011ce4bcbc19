using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Hubs;

/// <summary>
/// The state of one control connection: the identities that it holds, and the session of each that called Discover. Closed when the first Discover does not come in time. Thread-safe.
/// </summary>
internal sealed class ControlConnection : IIdentityHolder, IDisposable
{
    private readonly HubCallerContext _context;
    private readonly IControlClient _client;
    private readonly Sessions _all;
    private readonly Watching _watching;
    private readonly ControlPlaces _places;
    private readonly HashSet<string> _placed = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly ITimer _deadline;
    private readonly TimeOptions _times;
    private readonly ConcurrentDictionary<string, Session> _sessions = new();
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _closing;
    private bool _isOver;

    public ControlConnection(Identity identity, HubCallerContext context, IControlClient client, Sessions all, Watching watching, ControlPlaces places, TimeProvider time, TimeOptions times)
    {
        Identities = new HeldIdentities(new HeldIdentity(identity), time);
        _context = context;
        Via = context.GetHttpContext()?.Features.Get<HandedOn>()?.Via;
        context.GetHttpContext()?.Response.OnCompleted(() =>
        {
            _gone.TrySetResult();
            return Task.CompletedTask;
        });
        _client = client;
        _all = all;
        _watching = watching;
        _places = places;
        _time = time;
        _times = times;
        _deadline = time.CreateTimer(
            _ => Close(Errors.SilentClient, "The first call on /control is Discover; it did not come in time."), null, times.Handshake, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public HeldIdentities Identities { get; }

    /// <inheritdoc/>
    public string? Via { get; }

    /// <summary>The sessions of this connection, one for each client that called Discover.</summary>
    public ICollection<Session> Sessions => _sessions.Values;

    /// <summary>The session of a client; null before its Discover.</summary>
    public Session? SessionOf(string client) => _sessions.GetValueOrDefault(client);

    /// <summary>Whether a client is on this connection still, and the connection is there.</summary>
    public bool Holds(HeldIdentity held) => !_context.ConnectionAborted.IsCancellationRequested && Identities.All.Contains(held);

    /// <summary>Discover was answered. False where the client has fallen off the connection meanwhile.</summary>
    public bool Establish(Session session)
    {
        _sessions[session.Client] = session;
        _deadline.Dispose();
        return Identities.Find(session.Client) is not null;
    }

    /// <summary>Whether this call may be made now, and as whom. Anything but Discover before the first Discover ends the connection (2.26).</summary>
    public DuplexityError? Check(Request request, string method)
    {
        if (request.As is null && IdentityCalls.IsChange(request))
        {
            return CheckOrder(method);
        }

        if (Identities.Resolve(request.As, out _) is { } error)
        {
            if (error.Is(Errors.TokenExpired) && Identities.All.Length == 1)
            {
                CloseSoon(Errors.IdentityExpired, "The connection's token has expired; come back with a new one.");
            }

            return error;
        }

        return CheckOrder(method);
    }

    /// <inheritdoc/>
    public ValueTask<DuplexityError?> AdmitAsync(HeldIdentity identity) => new(Admit(identity.Client));

    /// <summary>From here on it is one of this client's control connections; an error where the client has too many.</summary>
    public DuplexityError? Admit(string client)
    {
        lock (_placed)
        {
            if (_isOver || _placed.Contains(client))
            {
                return null;
            }

            if (_places.Take(client) is { } full)
            {
                return full;
            }

            _placed.Add(client);
            return null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask ReleaseAsync(string client, string change)
    {
        _watching.StopAll(this, client);
        lock (_placed)
        {
            if (_placed.Remove(client))
            {
                _places.Give(client);
            }
        }

        if (!_sessions.TryRemove(client, out var session))
        {
            return;
        }

        if (change == IdentityChange.Expired)
        {
            // Its program may be on the way back with a new token: the session has its grace.
            _all.Lose(session, _context.ConnectionId);
        }
        else
        {
            await _all.EndAsync(session, isCut: change == IdentityChange.Revoked);
        }
    }

    /// <inheritdoc/>
    public void Tell(IdentitiesChangedEvent changed) => _ = TryAsync(() => _client.IdentitiesChanged(changed));

    /// <inheritdoc/>
    public void Tell(ReauthenticateSoonEvent soon) => _ = TryAsync(() => _client.ReauthenticateSoon(soon));

    /// <inheritdoc/>
    public void Tell(DrainingEvent draining) => _ = TryAsync(() => _client.Draining(draining));

    /// <inheritdoc/>
    public Task Gone => _gone.Task;

    /// <inheritdoc/>
    public void TellAllowances(HeldIdentity identity)
    {
        // What it may do from here it is told on the data connection, whose allowances they are.
    }

    /// <inheritdoc/>
    public void End((int Code, string Name) code, string reason, bool isAsked)
    {
        // Always behind an answer: whoever revokes itself, or disconnects itself, asks on this very connection. Without an identity it can do nothing in between.
        CloseSoon(code, reason);
    }

    /// <summary>Says why, then ends the connection. Idempotent: the first reason stands. Completes when the transport is through.</summary>
    public Task Close((int Code, string Name) code, string reason)
    {
        if (Interlocked.Exchange(ref _closing, 1) == 0)
        {
            _ = CloseAsync(code.Code, reason);
        }

        return _gone.Task;
    }

    /// <summary>Closes it behind the answer to the call that is being made: the answer goes out first.</summary>
    private void CloseSoon((int Code, string Name) code, string reason) =>
        _ = Task.Delay(_times.AnswerFirst, _time).ContinueWith(_ => Close(code, reason), TaskScheduler.Default);

    public void Dispose()
    {
        _deadline.Dispose();
        lock (_placed)
        {
            _isOver = true;
            foreach (var client in _placed)
            {
                _places.Give(client);
            }

            _placed.Clear();
        }
    }

    private DuplexityError? CheckOrder(string method)
    {
        if (_sessions.IsEmpty && method != nameof(IControlHub.Discover))
        {
            CloseSoon(Errors.ProtocolViolation, "The first call on /control is Discover.");
            return DuplexityError.Of(Errors.ControlNotEstablished, "The first call on /control is Discover.");
        }

        return null;
    }

    private static async Task TryAsync(Func<Task> tell)
    {
        try
        {
            await tell();
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException or IOException)
        {
            // The connection ends; nobody is there to be told.
        }
    }

    private async Task CloseAsync(int code, string reason)
    {
        var retry = Retry.Of(code);
        try
        {
            await _client.Disconnected(new DisconnectedEvent { Code = code, Reason = reason, Retry = retry }).WaitAsync(_times.LastWord, _time);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException or InvalidOperationException or IOException)
        {
            // It does not take the last word any more; it is closed all the same.
            _context.Abort();
            return;
        }

        SocketTransport.End(_context.Features, mayComeBack: retry != Retry.Never, _context.Abort);
    }
}
