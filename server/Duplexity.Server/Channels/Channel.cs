using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Channels;

/// <summary>
/// One channel on this node while somebody here listens to it. Entries arrive as hints in any order; a pump, one at a time, brings them into the log's order
/// (reading what is missing), and hands each to every live subscription. Many entries that wait are one round, so sockets coalesce them into one write.
/// </summary>
internal sealed partial class Channel(Address address, IMessageLog log, LostPlaces places, TimeProvider time, ILogger logger) : IThreadPoolWorkItem
{
    /// <summary>Entries of one read.</summary>
    private const int Page = 100;

    /// <summary>How long a reader that the log failed waits before it asks again: an engine that is away is away for longer than a moment.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Hints _hints = new();
    private readonly Following _following = new(log, address);
    private Subscription[] _subscriptions = [];
    private Position? _tail;
    private bool _isPumping;
    private bool _isRemoved;
    private PresenceLine? _presence;

    public Address Address { get; } = address;

    /// <summary>The epochs of its log that were seen here.</summary>
    public Epochs Epochs { get; } = new(log, places, address);

    /// <summary>A snapshot of who listens.</summary>
    public IReadOnlyList<Subscription> Subscriptions => Volatile.Read(ref _subscriptions);

    /// <summary>What those are told who watch who comes and goes; null before the first of them.</summary>
    public PresenceLine? Presence => Volatile.Read(ref _presence);

    /// <summary>The same, made where there is none.</summary>
    public PresenceLine Watched(Func<Channel, PresenceLine> make) => LazyInitializer.EnsureInitialized(ref _presence, () => make(this));

    /// <summary>From when it completes, what is appended comes here: whoever reads after that misses nothing.</summary>
    public Task FollowedAsync() => _following.BeginAsync();

    /// <summary>Adds a subscription; false when this channel has just been given up, and another must be asked for.</summary>
    public bool TryAdd(Subscription subscription)
    {
        lock (_lock)
        {
            if (_isRemoved)
            {
                return false;
            }

            _subscriptions = [.. _subscriptions, subscription];
            return true;
        }
    }

    /// <summary>Removes a subscription; true when it was the last and the channel is given up.</summary>
    public bool Remove(Subscription subscription)
    {
        subscription.Close();
        lock (_lock)
        {
            _subscriptions = [.. _subscriptions.Where(s => s != subscription)];
            if (_subscriptions.Length > 0)
            {
                return false;
            }

            _isRemoved = true;
        }

        _following.End();
        return true;
    }

    /// <summary>An entry was appended somewhere.</summary>
    public void OnAppended(LogEntry entry)
    {
        lock (_lock)
        {
            _hints.Add(entry);
            StartUnsynchronized();
        }
    }

    /// <summary>
    /// Brings a subscription from <see cref="Subscription.Cursor"/> to the present and makes it live. Paced by the socket's queue, so that a long
    /// past is never a slow consumer.
    /// </summary>
    public async Task CatchUpAsync(Subscription subscription)
    {
        while (!subscription.IsClosed)
        {
            try
            {
                await FollowedAsync();
                if (await CatchUpPageAsync(subscription))
                {
                    return;
                }
            }
            catch (OperationCanceledException) when (subscription.IsClosed)
            {
                // Left, or joined again, in the middle.
            }
            catch (Exception e)
            {
                logger.ChannelFailed(Address, e);
                await Task.Delay(RetryPause, time);
            }
        }
    }

    /// <summary>The pump.</summary>
    public async void Execute()
    {
        while (true)
        {
            try
            {
                if (!await PumpOnceAsync())
                {
                    return;
                }
            }
            catch (Exception e)
            {
                logger.ChannelFailed(Address, e);
                await Task.Delay(RetryPause, time);
                lock (_lock)
                {
                    if (_isRemoved)
                    {
                        return;
                    }

                    // What was taken may not have been handed over: the log has it.
                    _hints.IsBehind = true;
                }
            }
        }
    }

    /// <summary>Hands over a page; true when the subscription is live, or its socket is gone.</summary>
    private async ValueTask<bool> CatchUpPageAsync(Subscription subscription)
    {
        var page = await log.ReadAsync(Address, subscription.Cursor, Page, ct: subscription.Closed);
        if (!page.Recovered)
        {
            Move(subscription, await Epochs.LastKnownAsync(subscription.Cursor, subscription.Closed) ?? page.Top);
            return false;
        }

        Epochs.See(page.Entries);
        foreach (var entry in page.Entries)
        {
            // Before each one: a page counts entries, the queue counts bytes, and a hundred large ones are more than it holds.
            if (!await subscription.WaitForRoomAsync())
            {
                return true;
            }

            Hand(subscription, new Delivery(entry));
        }

        subscription.Subscriber.Flush();
        return page.End && GoLive(subscription);
    }

    private async ValueTask<bool> PumpOnceAsync()
    {
        if (_tail is null)
        {
            var top = await log.TopAsync(Address);
            lock (_lock)
            {
                _tail ??= top;
            }
        }

        List<Delivery> round;
        Subscription[] live;
        bool mustRead;
        lock (_lock)
        {
            (round, _tail, mustRead) = _hints.Take(_tail);
            live = LiveUnsynchronized();
        }

        Epochs.See(round.Select(d => d.Entry));
        Hand(live, round);
        if (mustRead)
        {
            await ReadMissingAsync();
        }

        lock (_lock)
        {
            return _isPumping = !_hints.IsEmpty;
        }
    }

    private async ValueTask ReadMissingAsync()
    {
        while (true)
        {
            var page = await log.ReadAsync(Address, _tail!, Page);
            if (!page.Recovered)
            {
                await RejoinAsync(_tail!, page.Top);
                continue;
            }

            Epochs.See(page.Entries);
            List<Delivery> round = [.. page.Entries.Select(e => new Delivery(e))];
            Subscription[] live;
            lock (_lock)
            {
                _tail = round.Count > 0 ? round[^1].Entry.Position : _tail;
                live = LiveUnsynchronized();
            }

            Hand(live, round);
            if (page.End)
            {
                return;
            }
        }
    }

    /// <summary>The log has lost its end: all who were there go on behind what is left of it, and get what was stored instead.</summary>
    private async ValueTask RejoinAsync(Position lost, Position top)
    {
        var place = await Epochs.LastKnownAsync(lost) ?? top;
        Subscription[] live;
        lock (_lock)
        {
            _tail = place;
            live = LiveUnsynchronized();
        }

        // Who is elsewhere has come since then, or has read on in the log.
        foreach (var subscription in live.Where(s => s.Cursor == lost))
        {
            Move(subscription, place);
        }
    }

    private void StartUnsynchronized()
    {
        if (!_isPumping)
        {
            _isPumping = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>From here the pump feeds it: all up to the tail has come to it from the log, what the pump takes next is behind the tail.</summary>
    private bool GoLive(Subscription subscription)
    {
        lock (_lock)
        {
            if (_tail is null)
            {
                _tail = subscription.Cursor;
            }

            if (subscription.Cursor.Offset < _tail.Offset)
            {
                // The pump was faster; or the log has lost its end, and the pump does not know yet.
                _hints.IsBehind = true;
                StartUnsynchronized();
            }

            return subscription.IsLive = subscription.Cursor.Offset >= _tail.Offset;
        }
    }

    private Subscription[] LiveUnsynchronized() => [.. _subscriptions.Where(s => s.IsLive)];
}
