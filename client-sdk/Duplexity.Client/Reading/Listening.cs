using Duplexity.Diagnostics;
using Duplexity.Links;
using Duplexity.Protocol;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Logging;

namespace Duplexity.Reading;

/// <summary>Begins and ends subscriptions of a connection. Thread-safe.</summary>
internal sealed class Listening
{
    private readonly DuplexityConnection _connection;
    private readonly Listeners _listeners;
    private readonly Restorer _restorer;
    private readonly ILogger _logger;
    private readonly SeenIds _seen = new();
    private readonly Lazy<Inbox> _inbox;
    private Acknowledger? _acknowledger;
    private ClaimDesk? _claims;

    public Listening(DuplexityConnection connection, Listeners listeners, Restorer restorer, ILogger logger)
    {
        _connection = connection;
        _listeners = listeners;
        _restorer = restorer;
        _logger = logger;
        _inbox = new Lazy<Inbox>(NewInbox);
        listeners.TakePlaced(Place);
        listeners.TakeDirect(message =>
        {
            if (Address.TryRead(message.Channel, out var channel, out _) && !Replies.TryTake(Read(message, channel), () => Inbox.Listener.DeliverDirect(message, channel)))
            {
                Inbox.Listener.DeliverDirect(message, channel);
            }
        });
    }

    /// <summary>The requests that wait for an answer.</summary>
    public Replies Replies { get; } = new();

    /// <summary>The inbox, not joined before it is read. The client is known since the first Welcome.</summary>
    public Inbox Inbox => _inbox.Value;

    private DuplexityConnectionOptions Options => _connection.Options;

    /// <summary>Begins a subscription and waits until the server has taken it.</summary>
    public async Task<(Listener Listener, Observers Observers)> JoinAsync(Address channel, JoinOptions? options, CancellationToken ct)
    {
        var (listener, observers) = NewListener(channel, options ?? new JoinOptions());
        if (!_listeners.TryAdd(listener))
        {
            listener.End();
            throw new InvalidOperationException($"This connection listens to {channel} already; use that subscription, or dispose it first.");
        }

        try
        {
            await AwaitJoinAsync(listener, ct).ConfigureAwait(false);
            return (listener, observers);
        }
        catch
        {
            await LeaveAsync(listener).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends a subscription and tells the server, which is a courtesy.</summary>
    public async ValueTask LeaveAsync(Listener listener)
    {
        var wasListening = _listeners.Remove(listener);
        listener.End();
        if (!wasListening || _restorer.Data.Current is not { } link)
        {
            return;
        }

        try
        {
            await link.Hub.Leave(new LeaveRequest { As = listener.As ?? link.Client, Channel = listener.Address.ToString() })
                .WaitAsync(Options.SendTimeout, Options.TimeProvider).ConfigureAwait(false);
        }
        catch (Exception e) when (Faults.IsLoss(e) || e is HubException or TimeoutException)
        {
            // With the connection the server forgets the subscription as well.
        }
    }

    public Message Read(DeliveredMessage message, Address channel) => new(_connection, message, channel, message.For ?? _restorer.Client!);

    /// <summary>Tells the server what was finished with last, before the connection ends; for a moment at most, and never throws.</summary>
    public Task FlushAsync() => Volatile.Read(ref _acknowledger)?.FlushAsync() ?? Task.CompletedTask;

    /// <summary>Gives back what is claimed; never throws.</summary>
    public async Task ReturnClaimsAsync()
    {
        if (Volatile.Read(ref _claims) is { IsEmpty: false } claims)
        {
            // First out of the inbox: it would be offered what it gives back.
            await LeaveAsync(Inbox.Listener).ConfigureAwait(false);
            await claims.ReturnAllAsync().ConfigureAwait(false);
        }
    }

    public void End(DuplexityException? reason)
    {
        Volatile.Read(ref _claims)?.End();
        Replies.End(reason ?? CloseReason.Disposed.ToException());
        _listeners.End(reason);
        if (_restorer.Client is not null)
        {
            // Begun or not: what came to the socket's own address may be read still.
            Inbox.Listener.End(reason);
        }
    }

    // On the link's handler loop: what follows on the channel comes behind this.
    private void Place(DataLink link, JoinedEvent joined)
    {
        var (origin, told) = (joined.From is { } from ? _listeners.Find(from) : null, _connection.OnPlaced);
        if (!Address.TryRead(joined.Channel, out var channel, out _) || (origin?.Moved is null && (told is null || channel.Kind == AddressKind.Lockspace)))
        {
            return;
        }

        var (listener, observers) = NewListener(channel, new JoinOptions { As = joined.Client, Since = joined.Position });
        if (!_listeners.TryPlace(listener, link))
        {
            listener.End();
            return;
        }

        Subscription placed = origin?.Moved is { } move ? move(listener, observers)
            : channel.Kind == AddressKind.Feed ? new Feed(_connection, listener, observers) : new Room(_connection, listener, observers);
        try
        {
            told?.Invoke(placed);
        }
        catch (Exception e)
        {
            Log.HandlerThrew(_logger, nameof(DuplexityConnection.Placed), e);
        }

        if (origin is not null && _listeners.Remove(origin))
        {
            origin.End();
        }
    }

    private async Task AwaitJoinAsync(Listener listener, CancellationToken ct)
    {
        try
        {
            await listener.Joined.WaitAsync(Options.SendTimeout, Options.TimeProvider, ct).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new DuplexityException(
                listener.LastFailure ?? _restorer.Data.LastFailure ?? DuplexityError.Of(Errors.Unavailable, "The channel could not be joined in time."), e);
        }
    }

    private Inbox NewInbox()
    {
        var (listener, observers) = NewListener(Address.Client(_restorer.Client!), Options.Inbox ?? new JoinOptions());
        _acknowledger = new Acknowledger(listener, _connection.Acknowledge, Options);
        _claims = new ClaimDesk(listener, Options);
        var began = 0;
        return new Inbox(
            _connection,
            listener,
            observers,
            _acknowledger,
            _claims,
            begin: () =>
            {
                if (Interlocked.Exchange(ref began, 1) == 0)
                {
                    _listeners.TryAdd(listener);
                }
            },
            join: ct => AwaitJoinAsync(listener, ct));
    }

    private (Listener Listener, Observers Observers) NewListener(Address channel, JoinOptions options)
    {
        var observers = new Observers(_logger);
        return (new Listener(channel, options, new ListenerContext
        {
            Options = Options,
            Seen = _seen,
            Read = (message, address) =>
            {
                var read = Read(message, address);
                Replies.Look(read);
                return read;
            },
            Missed = observers.Gap,
            Refused = Refuse,
            Paused = address => Log.Paused(_logger, address),
            JoiningAgain = address => Log.JoiningAgain(_logger, address),
        }), observers);
    }

    private void Refuse(Listener listener, DuplexityException refusal)
    {
        Log.ListeningRefused(_logger, listener.Address, refusal.Code, VisibleText.Of(refusal.Message, VisibleText.LogLength));
        _listeners.Remove(listener);
        listener.End(refusal);
    }
}
