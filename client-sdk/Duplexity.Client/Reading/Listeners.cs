using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>The subscriptions of a connection by channel: events go to theirs, and a new link to all of them. Thread-safe.</summary>
internal sealed class Listeners : IDataSink
{
    private const string SocketPrefix = "socket:";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Listener> _byChannel = new(StringComparer.Ordinal);
    private DataLink? _link;
    private Action<DeliveredMessage>? _direct;
    private Action<DataLink, JoinedEvent>? _placed;

    /// <summary>Who takes what comes to the socket's own address.</summary>
    public void TakeDirect(Action<DeliveredMessage> direct) => Volatile.Write(ref _direct, direct);

    /// <summary>Who makes subscriptions of what the server lets this socket listen to by itself.</summary>
    public void TakePlaced(Action<DataLink, JoinedEvent> placed) => Volatile.Write(ref _placed, placed);

    /// <summary>Adds a subscription that the server has begun on a link; false if there is one of the channel already.</summary>
    public bool TryPlace(Listener listener, DataLink link)
    {
        lock (_gate)
        {
            if (!_byChannel.TryAdd(listener.Address.ToString(), listener))
            {
                return false;
            }
        }

        listener.Place(link);
        return true;
    }

    /// <summary>Adds a subscription and lets it begin; false if there is one of the channel already.</summary>
    public bool TryAdd(Listener listener)
    {
        DataLink? link;
        lock (_gate)
        {
            if (!_byChannel.TryAdd(listener.Address.ToString(), listener))
            {
                return false;
            }

            link = _link;
        }

        if (link is not null)
        {
            _ = listener.AttachAsync(link);
        }

        return true;
    }

    public bool Remove(Listener listener)
    {
        lock (_gate)
        {
            var channel = listener.Address.ToString();
            return _byChannel.TryGetValue(channel, out var present) && ReferenceEquals(present, listener) && _byChannel.Remove(channel);
        }
    }

    /// <summary>A new link: all subscriptions join there. The task completes when each is joined or cannot be now.</summary>
    public Task AttachAsync(DataLink link)
    {
        Listener[] all;
        lock (_gate)
        {
            _link = link;
            all = [.. _byChannel.Values];
        }

        return Task.WhenAll(all.Select(l => l.AttachAsync(link)));
    }

    /// <summary>The connection is over: readers end once they have read what is buffered.</summary>
    public void End(DuplexityException? fault)
    {
        Listener[] all;
        lock (_gate)
        {
            _link = null;
            all = [.. _byChannel.Values];
            _byChannel.Clear();
        }

        foreach (var listener in all)
        {
            listener.End(fault);
        }
    }

    public void Deliver(DataLink link, DeliveredMessage message)
    {
        if (message.Channel.StartsWith(SocketPrefix, StringComparison.Ordinal))
        {
            Volatile.Read(ref _direct)?.Invoke(message);
        }
        else
        {
            Find(message.Channel)?.Deliver(link, message);
        }
    }

    public void Advance(DataLink link, AdvancedEvent advanced) => Find(advanced.Channel)?.Advance(link, advanced);

    public void Tell(DataLink link, PresenceChangedEvent changed) => Find(changed.Channel)?.Tell(link, changed);

    public void Leave(DataLink link, LeftEvent left) => Find(left.Channel)?.Leave(link, left);

    public void Withdraw(WithdrawnEvent withdrawn) => Find(withdrawn.Channel)?.Withdraw(withdrawn);

    public void Place(DataLink link, JoinedEvent joined) => Volatile.Read(ref _placed)?.Invoke(link, joined);

    /// <summary>The subscription of a channel; null: there is none. What comes for one that was just left, nobody misses.</summary>
    public Listener? Find(string channel)
    {
        lock (_gate)
        {
            return _byChannel.GetValueOrDefault(channel);
        }
    }
}
