using Duplexity.Protocol;
using Microsoft.AspNetCore.SignalR.Client;

namespace Duplexity.Links;

/// <summary>How a link ended.</summary>
/// <param name="Error">Why.</param>
/// <param name="IsFinal">Whether the client must stay away.</param>
internal sealed record LinkEnd(DuplexityError Error, bool IsFinal)
{
    public static LinkEnd Of(int code, string reason, string? retry = null)
    {
        var error = DuplexityError.Of((code, NameOf(code)), VisibleText.Of(reason, VisibleText.LogLength));
        return new LinkEnd(error, (retry ?? Retry.Of(code)) == Retry.Never);
    }

    private static string NameOf(int code) => Known.GetValueOrDefault(code, "closed");

    private static readonly Dictionary<int, string> Known = new[]
    {
        Errors.Unavailable, Errors.ShuttingDown, Errors.SlowConsumer, Errors.IdentityExpired, Errors.SilentClient, Errors.SocketLimit, Errors.MovedElsewhere,
        Errors.TakenOver, Errors.ForcedOut, Errors.Revoked, Errors.ProtocolViolation, Errors.Goodbye, Errors.ConnectionReplaced, Errors.OpenRefused,
    }.ToDictionary(e => e.Code, e => e.Name);
}

/// <summary>One physical hub connection, from its start to its one end. Never restarted: the next attempt makes a new one.</summary>
internal abstract class Link : IAsyncDisposable
{
    // SignalR tells of its close while the events before it may still wait for their handler: the server's last word, which says why, gets this long to come through.
    private static readonly TimeSpan LastWord = TimeSpan.FromSeconds(2);

    private readonly HubConnection _connection;
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource<WelcomeEvent> _welcomed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<LinkEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    protected Link(HubConnection connection, TimeProvider time)
    {
        _connection = connection;
        _time = time;
        connection.Closed += OnClosed;
    }

    /// <summary>Completes once, with the reason; never faults.</summary>
    public Task<LinkEnd> Ended => _ended.Task;

    public string SocketId { get; private set; } = "";

    /// <summary>What the node said when it began to empty itself: this link is to be replaced. Null: it did not.</summary>
    public DrainingEvent? Leaving { get; private set; }

    /// <summary>Raised with <see cref="Leaving"/>. From the link's one handler loop: must not block.</summary>
    public event Action<DrainingEvent>? Told;

    /// <summary>The primary client.</summary>
    public string Client { get; private set; } = "";

    /// <summary>The identities of the connection as it began.</summary>
    public IdentityInfo[]? BeganAs { get; private set; }

    /// <summary>Opens the connection and waits for its Welcome.</summary>
    /// <exception cref="DuplexityException">The server says that this session must stay away.</exception>
    public async Task StartAsync(CancellationToken ct)
    {
        await _connection.StartAsync(ct).ConfigureAwait(false);
        var first = await Task.WhenAny(_welcomed.Task, _ended.Task).WaitAsync(Timeout.InfiniteTimeSpan, _time, ct).ConfigureAwait(false);
        if (first == _ended.Task)
        {
            throw new DuplexityException((await _ended.Task.ConfigureAwait(false)).Error);
        }

        var welcome = await _welcomed.Task.ConfigureAwait(false);
        if (welcome.Protocol != Wire.Version)
        {
            var older = welcome.Protocol < Wire.Version ? "the server" : "this SDK";
            throw new DuplexityException(DuplexityError.Of(Errors.ProtocolVersion, $"The server speaks protocol {welcome.Protocol}, this SDK {Wire.Version}; update {older}."));
        }

        // A last connection that was replaced or refused is no reason to stay away: this very one replaced it. What a person decided is.
        if (welcome.Previous is { } previous && (previous.Code == Errors.TakenOver.Code || previous.Code == Errors.ForcedOut.Code || previous.Code == Errors.Revoked.Code))
        {
            throw new DuplexityException(LinkEnd.Of(previous.Code, previous.Reason).Error);
        }

        SocketId = welcome.SocketId;
        BeganAs = welcome.Identities;
        Client = welcome.Clients.FirstOrDefault() ?? throw BrokenConnection("The server named no client in its Welcome.");
    }

    /// <summary>An invocation failed because the connection did: nothing more is expected of this link.</summary>
    public void Abandon(Exception cause) => End(LinkEnd.Of(Errors.Unavailable.Code, "The connection was lost: " + cause.GetBaseException().Message));

    public async ValueTask DisposeAsync()
    {
        End(LinkEnd.Of(Errors.Goodbye.Code, "This side closed the connection.", Retry.Again));
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    public Task Welcome(WelcomeEvent welcome)
    {
        _welcomed.TrySetResult(welcome);
        return Task.CompletedTask;
    }

    public Task Disconnected(DisconnectedEvent disconnected)
    {
        End(LinkEnd.Of(disconnected.Code, disconnected.Reason, disconnected.Retry));
        return Task.CompletedTask;
    }

    public Task Draining(DrainingEvent draining)
    {
        Leave(draining);
        Told?.Invoke(draining);
        return Task.CompletedTask;
    }

    /// <summary>This link is to be replaced.</summary>
    public void Leave(DrainingEvent draining) => Leaving ??= draining;

    /// <summary>The error for a server that answers with another client's name or sends elsewhere: hang up and stay away.</summary>
    public static DuplexityException BrokenConnection(string sentence) => new(DuplexityError.Of(Errors.ProtocolViolation, "Broken Connection: " + sentence));

    private async Task OnClosed(Exception? exception)
    {
        if (exception is not null)
        {
            Abandon(exception);
            return;
        }

        await Task.WhenAny(_ended.Task, Task.Delay(LastWord, _time)).ConfigureAwait(false);
        End(LinkEnd.Of(Errors.Unavailable.Code, "The server closed the connection."));
    }

    private void End(LinkEnd end) => _ended.TrySetResult(end);
}
