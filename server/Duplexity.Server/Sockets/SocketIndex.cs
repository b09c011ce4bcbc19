using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>The sockets of this node by SOCK_ID, by SignalR's connection id and by CID: each look-up is one step, none scans. Thread-safe.</summary>
internal sealed class SocketIndex : IDirectReach
{
    private readonly ConcurrentDictionary<string, Socket> _byId = new();
    private readonly ConcurrentDictionary<string, Socket> _byConnection = new();
    private readonly ConcurrentDictionary<string, ImmutableHashSet<Socket>> _byClient = new();

    /// <summary>All sockets.</summary>
    public ICollection<Socket> All => _byId.Values;

    /// <summary>Adds a socket; false when its client has <paramref name="most"/> already.</summary>
    public bool TryAdd(Socket socket, string connectionId, int most)
    {
        while (true)
        {
            var held = _byClient.GetOrAdd(socket.OpenedAs, []);
            if (held.Count >= most)
            {
                return false;
            }

            if (_byClient.TryUpdate(socket.OpenedAs, held.Add(socket), held))
            {
                _byId[socket.Id] = socket;
                _byConnection[connectionId] = socket;
                return true;
            }
        }
    }

    /// <summary>Removes a socket from every index.</summary>
    public void Remove(Socket socket, string connectionId)
    {
        _byId.TryRemove(socket.Id, out _);
        _byConnection.TryRemove(connectionId, out _);
        while (_byClient.TryGetValue(socket.OpenedAs, out var held) && held.Contains(socket))
        {
            var rest = held.Remove(socket);
            if (rest.IsEmpty ? _byClient.TryRemove(new(socket.OpenedAs, held)) : _byClient.TryUpdate(socket.OpenedAs, rest, held))
            {
                return;
            }
        }
    }

    public Socket? Find(string socketId) => _byId.GetValueOrDefault(socketId);

    /// <summary>The socket with this id, or none.</summary>
    public IReadOnlyCollection<Socket> OfId(string socketId) => Find(socketId) is { } socket ? [socket] : [];

    public Socket? OfConnection(string connectionId) => _byConnection.GetValueOrDefault(connectionId);

    /// <summary>The sockets that hold <paramref name="client"/>.</summary>
    public IReadOnlyCollection<Socket> OfClient(string client) => _byClient.GetValueOrDefault(client, []);

    /// <inheritdoc/>
    public bool Reaches(string socketId, string client, bool isServer) =>
        Find(socketId) is { IsClosing: false } socket && (isServer || socket.IsOpenToAnyone || socket.Identities.Any(i => i.Client == client));
}
