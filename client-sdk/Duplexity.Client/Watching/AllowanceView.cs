using Duplexity.Protocol;

namespace Duplexity.Watching;

/// <summary>
/// The newest that the watches of several clients have told of their sockets. Bounded by the sockets there are: a newer state takes the place of the older one. Thread-safe.
/// </summary>
internal sealed class AllowanceView(Sockets sockets)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Client, string SocketId), SocketInfo> _infos = [];
    private readonly HashSet<string> _followed = [];
    private TaskCompletionSource _changed = New();
    private DuplexityException? _fault;
    private bool _isOver;

    /// <summary>Completes with the next change.</summary>
    public Task Changed
    {
        get
        {
            lock (_gate)
            {
                return _changed.Task;
            }
        }
    }

    /// <summary>Whether the connection was disposed.</summary>
    /// <exception cref="DuplexityException">A watch was refused, or the connection is over otherwise.</exception>
    public bool IsOver
    {
        get
        {
            lock (_gate)
            {
                return _fault is null ? _isOver : throw new DuplexityException(_fault.Error);
            }
        }
    }

    /// <summary>Has a look again.</summary>
    public void Signal()
    {
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = New();
        }
    }

    /// <summary>Watches for each of these clients that is not watched for yet.</summary>
    public void Follow(IEnumerable<string> clients, CancellationToken stop)
    {
        foreach (var client in clients)
        {
            lock (_gate)
            {
                if (!_followed.Add(client))
                {
                    continue;
                }
            }

            _ = FollowAsync(client, stop);
        }
    }

    /// <summary>What is known of each client on one socket.</summary>
    public IReadOnlyList<(string Client, SocketInfo Info)> StatesOf(string socketId)
    {
        lock (_gate)
        {
            return [.. _infos.Where(i => i.Key.SocketId == socketId).Select(i => (i.Key.Client, i.Value))];
        }
    }

    private async Task FollowAsync(string client, CancellationToken stop)
    {
        try
        {
            await foreach (var change in sockets.WatchAsync(new AskOptions { As = client }, stop).ConfigureAwait(false))
            {
                lock (_gate)
                {
                    if (change.Kind == SocketChangeKind.Gone)
                    {
                        _infos.Remove((client, change.Socket.SocketId));
                    }
                    else
                    {
                        _infos[(client, change.Socket.SocketId)] = change.Socket;
                    }
                }

                Signal();
            }

            lock (_gate)
            {
                _isOver = true;
            }

            Signal();
        }
        catch (DuplexityException e)
        {
            Ended(client, e);
        }
        catch (OperationCanceledException)
        {
            // The watch of allowances has ended.
        }
    }

    private void Ended(string client, DuplexityException reason)
    {
        lock (_gate)
        {
            foreach (var key in _infos.Keys.Where(k => k.Client == client).ToArray())
            {
                _infos.Remove(key);
            }

            _followed.Remove(client);
            if (reason.Code == Errors.IdentityNotHeld.Code)
            {
                // It has left, alone. Where it is back, something else signals.
                return;
            }

            _fault = reason;
        }

        Signal();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
