using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Channels;

/// <summary>
/// What a channel's watchers are told of who is in it: changes are gathered for <see cref="TimeOptions.Presence"/> and told as one. The versions say whether all of a round's changes have come; where
/// some have not, or there are too many, only the count is told, and a watcher whose line is full is told so when it has room again. Nothing is gathered while nobody watches. Thread-safe.
/// </summary>
internal sealed class PresenceLine(Channel channel, IPresence presence, DuplexityOptions options, TimeProvider time, ILogger logger)
{
    /// <summary>Rounds that wait for changes which the set already has: they are on their way from other threads, or were lost.</summary>
    private const int Patience = 4;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, PresenceChange> _gathered = [];
    private long? _told;
    private int _waited;
    private bool _isRunning;

    /// <summary>From here on every change is told to those who watch: a set that is read after this has all that was before.</summary>
    public async ValueTask BeginAsync()
    {
        var now = await presence.ReadAsync(channel.Address);
        lock (_lock)
        {
            _told ??= now.Version;
            StartUnsynchronized();
        }
    }

    /// <summary>The set has changed.</summary>
    public void OnChanged(PresenceChange change)
    {
        lock (_lock)
        {
            if (!channel.Subscriptions.Any(s => s.IsWatching))
            {
                _told = null;
                _gathered.Clear();
                return;
            }

            // One more than is told shows that there were too many.
            if (_gathered.Count <= options.Limits.PresenceChanges)
            {
                _gathered[change.Version] = change;
            }

            StartUnsynchronized();
        }
    }

    /// <summary>The set may have changed, and nobody said how.</summary>
    public void OnMissed()
    {
        lock (_lock)
        {
            StartUnsynchronized();
        }
    }

    private void StartUnsynchronized()
    {
        if (!_isRunning)
        {
            _isRunning = true;
            _ = RunAsync();
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.Delay(options.Times.Presence, time).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            try
            {
                if (!Tell(await presence.ReadAsync(channel.Address)))
                {
                    return;
                }
            }
            catch (Exception e)
            {
                // The set could not be read: the next round tells what is true then.
                logger.ChannelFailed(channel.Address, e);
            }
        }
    }

    /// <summary>One round; false when there is nothing to come back for.</summary>
    private bool Tell(PresenceSnapshot now)
    {
        lock (_lock)
        {
            Subscription[] watching = [.. channel.Subscriptions.Where(s => s.IsWatching)];
            if (watching.Length == 0)
            {
                _told = null;
                _gathered.Clear();
                return _isRunning = false;
            }

            var told = _told ??= now.Version;
            var news = now.Version > told ? NewsUnsynchronized(told, now) : null;
            var isWaiting = now.Version > told && news is null;
            PresenceNews? count = null;
            foreach (var subscription in watching)
            {
                if (subscription.IsBehind && !isWaiting && subscription.Subscriber.HasRoom)
                {
                    subscription.IsBehind = false;
                    subscription.Subscriber.Tell(subscription, count ??= PresenceNews.OfCount(channel.Address, now));
                }
                else if (news is not null && !subscription.IsBehind)
                {
                    TellOne(subscription, news);
                }
            }

            return _isRunning = isWaiting || _gathered.Count > 0 || watching.Any(s => s.IsBehind);
        }
    }

    private static void TellOne(Subscription subscription, PresenceNews news)
    {
        if (subscription.Subscriber.HasRoom)
        {
            subscription.Subscriber.Tell(subscription, news);
        }
        else
        {
            subscription.IsBehind = true;
        }
    }

    /// <summary>What leads from what was told to what is; null: some of it is still to come.</summary>
    private PresenceNews? NewsUnsynchronized(long told, PresenceSnapshot now)
    {
        PresenceChange[] changes = [.. _gathered.Values.Where(c => c.Version > told && c.Version <= now.Version)];
        var isTooMuch = now.Version - told > options.Limits.PresenceChanges;
        var isWhole = changes.Length == now.Version - told;
        if (!isWhole && !isTooMuch && ++_waited < Patience)
        {
            return null;
        }

        _waited = 0;
        _told = now.Version;
        foreach (var version in _gathered.Keys.Where(v => v <= now.Version).ToArray())
        {
            _gathered.Remove(version);
        }

        return isWhole && !isTooMuch ? PresenceNews.Of(channel.Address, told, changes, now) : PresenceNews.OfCount(channel.Address, now);
    }
}
