using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Hubs;

/// <summary>The state of one control connection: who it is, and its session once Discover was called. Closed when Discover does not come in time.</summary>
internal sealed class ControlConnection : IDisposable
{
    private readonly HubCallerContext _context;
    private readonly IControlClient _client;
    private readonly TimeProvider _time;
    private readonly ITimer _deadline;
    private readonly ITimer? _expiry;
    private readonly TimeOptions _times;
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _closing;

    public ControlConnection(Identity identity, HubCallerContext context, IControlClient client, TimeProvider time, TimeOptions times)
    {
        Identity = identity;
        _context = context;
        context.GetHttpContext()?.Response.OnCompleted(() =>
        {
            _gone.TrySetResult();
            return Task.CompletedTask;
        });
        _client = client;
        _time = time;
        _times = times;
        _deadline = time.CreateTimer(
            _ => Close(Errors.SilentClient, "The first call on /control is Discover; it did not come in time."), null, times.Handshake, Timeout.InfiniteTimeSpan);

        // Once a second, as the sockets' sweep: an idle connection's pipes must not outlive its token, and no timer is as long as a token may be.
        _expiry = identity.ExpiresAt is null ? null : time.CreateTimer(_ => CloseIfExpired(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public Identity Identity { get; }

    /// <summary>The session; null before Discover.</summary>
    public Session? Session { get; private set; }

    /// <summary>Discover was answered.</summary>
    public void Establish(Session session)
    {
        Session = session;
        _deadline.Dispose();
    }

    /// <summary>Whether this call may be made now. Anything but Discover before Discover ends the connection (2.26).</summary>
    public DuplexityError? Check(Request request, string method)
    {
        if (request.As is not null && request.As != Identity.Client)
        {
            return DuplexityError.Of(Errors.IdentityNotHeld, $"This connection does not hold {VisibleText.Of(request.As, Address.MaxClientLength)}.");
        }

        if (!Identity.IsValidAt(_time.GetUtcNow()))
        {
            CloseSoon(Errors.IdentityExpired, "The connection's token has expired; come back with a new one.");
            return DuplexityError.Of(Errors.TokenExpired, "The token has expired; connect again with a new one.");
        }

        if (Session is null && method != nameof(IControlHub.Discover))
        {
            CloseSoon(Errors.ProtocolViolation, "The first call on /control is Discover.");
            return DuplexityError.Of(Errors.ControlNotEstablished, "The first call on /control is Discover.");
        }

        return null;
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
        _expiry?.Dispose();
    }

    private void CloseIfExpired()
    {
        if (!Identity.IsValidAt(_time.GetUtcNow()))
        {
            Close(Errors.IdentityExpired, "The connection's token has expired; come back with a new one.");
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
