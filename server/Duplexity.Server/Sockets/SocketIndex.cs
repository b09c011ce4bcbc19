using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Cluster;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>The sockets of this node by SOCK_ID, by SignalR's connection id and by CID: each look-up is one step, none scans. Thread-safe.</summary>
internal sealed class SocketIndex : IDirectReach, INodeLoad
{
    private readonly ConcurrentDictionary<string, Socket> _byId = new();
    private readonly ConcurrentDictionary<string, Socket> _byConnection = new();
    private readonly ConcurrentDictionary<string, ImmutableHashSet<Socket>> _byClient = new();

    /// <inheritdoc/>
    public string Name => "sockets";

    /// <inheritdoc/>
    public int Count => _byId.Count;

    /// <summary>All sockets.</summary>
    public ICollection<Socket> All => _byId.Values;

    /// <summary>How many clients have a socket.</summary>
    public int ClientCount => _byClient.Count;

    /// <summary>Adds a socket; each of its clients comes by <see cref="TryHold"/>.</summary>
    public void Add(Socket socket, string connectionId)
    {
        _byId[socket.Id] = socket;
        _byConnection[connectionId] = socket;
    }

    /// <summary>From here on the socket is found by this client; false when the client has <paramref name="most"/> already, or the socket is gone.</summary>
    public bool TryHold(Socket socket, string client, int most)
    {
        while (true)
        {
            var held = _byClient.GetValueOrDefault(client, []);
            if (held.Contains(socket))
            {
                return true;
            }

            if (held.Count >= most)
            {
                return false;
            }

            if (held.IsEmpty ? _byClient.TryAdd(client, [socket]) : _byClient.TryUpdate(client, held.Add(socket), held))
            {
                break;
            }
        }

        if (_byId.ContainsKey(socket.Id))
        {
            return true;
        }

        // It was removed before this: whoever removed it has not met this client.
        Release(socket, client);
        return false;
    }

    /// <summary>The socket is not found by this client any more.</summary>
    public void Release(Socket socket, string client)
    {
        while (_byClient.TryGetValue(client, out var held) && held.Contains(socket))
        {
            var rest = held.Remove(socket);
            if (rest.IsEmpty ? _byClient.TryRemove(new(client, held)) : _byClient.TryUpdate(client, rest, held))
            {
                return;
            }
        }
    }

    /// <summary>Removes a socket from every index.</summary>
    public void Remove(Socket socket, string connectionId)
    {
        _byId.TryRemove(socket.Id, out _);
        _byConnection.TryRemove(connectionId, out _);
        foreach (var client in socket.Identities.Clients)
        {
            Release(socket, client);
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
        Find(socketId) is { IsClosing: false } socket && (isServer || socket.IsOpenToAnyone || socket.Identities.Find(client) is not null);

    /// <inheritdoc/>
    public bool IsThere(string socketId) => Find(socketId) is { IsClosing: false };
}
