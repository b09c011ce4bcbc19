using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Watching;

/// <summary>
/// The watches of a connection: each is a list of what is there and then its changes, begun anew (with the list, and with an end for what has gone meanwhile) after each loss of the control
/// connection. Thread-safe.
/// </summary>
internal sealed class WatchDesk(DuplexityConnectionOptions options)
{
    private readonly ConcurrentDictionary<string, IFeed> _feeds = new();

    /// <summary>Events of a watch, in order; those of a watch that has ended are nobody's.</summary>
    public void Apply(SocketsChangedEvent changed) => Add(changed.Watch, changed.Changes);

    /// <summary>As the other one.</summary>
    public void Apply(PipesChangedEvent changed) => Add(changed.Watch, changed.Changes);

    /// <summary>Exchanges of a watch of them, in order.</summary>
    public void Apply(ExchangesKeptEvent kept) => Add(kept.Watch, kept.Exchanges);

    /// <summary>A watch that reads its events itself: they come into a feed of its own from now on, in the place of the one before.</summary>
    public Feed<TChange> Open<TChange>(string id, string client)
    {
        var feed = new Feed<TChange>(client);
        _feeds[id] = feed;
        return feed;
    }

    /// <summary>That watch is over; <paramref name="stop"/> tells the server, where it can be told.</summary>
    public void Close(string id, Func<Task>? stop)
    {
        _feeds.TryRemove(id, out _);
        if (stop is not null)
        {
            _ = StopAsync(stop());
        }
    }

    /// <summary>A client has left the connection: its watches are over.</summary>
    public void EndOf(string client, DuplexityError reason)
    {
        foreach (var feed in _feeds.Values.Where(f => f.Client == client))
        {
            feed.Fail(new DuplexityException(reason));
        }
    }

    /// <summary>Watches until it is cancelled, the connection is over, or the client may watch no longer.</summary>
    /// <param name="kind">What is watched.</param>
    /// <param name="control">The calls.</param>
    /// <param name="asked">As whom, and whose.</param>
    /// <param name="ct">Ends it; the server is told.</param>
    public async IAsyncEnumerable<TChange> WatchAsync<TItem, TChange>(WatchKind<TItem, TChange> kind, ControlCalls control, AskOptions? asked, [EnumeratorCancellation] CancellationToken ct)
    {
        var id = Guid.NewGuid().ToString("N");
        var client = control.Acting(asked);
        var known = new Dictionary<(string, string, string), TItem>();
        ControlLink? link = null;
        try
        {
            while (true)
            {
                var feed = new Feed<TChange>(client);
                _feeds[id] = feed;
                IReadOnlyList<TItem>? present = null;
                try
                {
                    (link, var answer) = await control.AskAsync(client, (hub, actAs) => kind.Watch(hub, actAs, asked?.Client, id), ct).ConfigureAwait(false);
                    present = answer.Items;
                }
                catch (DuplexityException e) when (e.Kind == ErrorKind.Unavailable)
                {
                    // The server is away for longer than a call waits: a watch waits on.
                    continue;
                }
                catch (DuplexityException e) when (e.Code == Errors.Goodbye.Code)
                {
                    // Disposed: the end in order.
                }

                if (present is null)
                {
                    yield break;
                }

                var before = known;
                known = present.ToDictionary(kind.Key);
                foreach (var (_, item) in before.Where(b => !known.ContainsKey(b.Key)))
                {
                    yield return kind.Change(kind.Gone, item);
                }

                foreach (var item in present)
                {
                    yield return kind.Change(kind.Present, item);
                }

                while (await feed.WaitAsync(link!.Ended, ct).ConfigureAwait(false))
                {
                    while (feed.TryRead(out var change))
                    {
                        var (word, item) = kind.Read(change);
                        foreach (var (over, _) in known.Where(k => kind.Ends(change, k.Value)).ToArray())
                        {
                            known.Remove(over);
                        }

                        if (word == kind.Gone)
                        {
                            known.Remove(kind.Key(item));
                        }
                        else
                        {
                            known[kind.Key(item)] = item;
                        }

                        yield return change;
                    }
                }
            }
        }
        finally
        {
            _feeds.TryRemove(id, out _);
            if (link is { Ended.IsCompleted: false })
            {
                _ = StopAsync(kind.Stop(link.Hub, client, id));
            }
        }
    }

    // A courtesy that nobody waits for: without it the events go on until the connection ends, and are nobody's.
    private async Task StopAsync(Task stopping)
    {
        try
        {
            await stopping.WaitAsync(options.SendTimeout, options.TimeProvider).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // With the connection, or with the client on it, the server forgets the watch as well.
        }
    }

    private void Add<TChange>(string? id, TChange[] changes)
    {
        if (id is not null && _feeds.GetValueOrDefault(id) is Feed<TChange> feed)
        {
            feed.Add(changes);
        }
    }
}
