using System.Runtime.CompilerServices;
using Duplexity.Protocol;
using Duplexity.Watching;

namespace Duplexity;

/// <summary>What a client may do from a connection's socket, and how much of it it uses, at one moment. Immutable.</summary>
/// <param name="Client">The CID.</param>
/// <param name="Allowances">What it may do, everything counted in.</param>
/// <param name="Use">How much of its limits is used now.</param>
public sealed record AllowanceState(string Client, Allowances Allowances, AllowanceUse Use);

/// <summary>What the clients of a connection may do from its socket, live. Thread-safe.</summary>
public sealed class LiveAllowances
{
    private readonly DuplexityConnection _connection;

    internal LiveAllowances(DuplexityConnection connection) => _connection = connection;

    /// <summary>
    /// First the present state of each client that the connection holds, then its state whenever it has changed: it sent, joined or left, was narrowed or renewed. Clients that are added later are told as
    /// well; <see cref="Identities.Changed"/> tells of those that leave. Only the newest state of a client waits for a slow reader.
    /// </summary>
    /// <param name="ct">Ends the watch; the server is told.</param>
    /// <exception cref="DuplexityException">It was refused, or the connection is over. When it is disposed, the watch just ends.</exception>
    public async IAsyncEnumerable<AllowanceState> WatchAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        var view = new AllowanceView(_connection.Sockets);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var told = new Dictionary<string, SocketInfo>();
        _connection.StateChanged += OnState;
        _connection.Identities.HeldChanged += view.Signal;
        try
        {
            while (true)
            {
                // The signal first: what happens behind it is seen in the next round.
                var changed = view.Changed;
                string[] held = [.. _connection.Identities.Select(i => i.Client)];
                view.Follow(held, stop.Token);
                foreach (var (client, info) in view.StatesOf(_connection.SocketId))
                {
                    if (held.Contains(client) && told.GetValueOrDefault(client) != info)
                    {
                        told[client] = info;
                        yield return new AllowanceState(client, info.Allowances, info.Use);
                    }
                }

                if (view.IsOver)
                {
                    yield break;
                }

                await changed.WaitAsync(ct).ConfigureAwait(false);
            }
        }
        finally
        {
            _connection.StateChanged -= OnState;
            _connection.Identities.HeldChanged -= view.Signal;
            await stop.CancelAsync().ConfigureAwait(false);
        }

        void OnState(ConnectionStateChange change) => view.Signal();
    }
}
