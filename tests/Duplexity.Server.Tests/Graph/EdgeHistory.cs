using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Graph;

/// <summary>
/// One history of joins, leaves, kicks, identities that come and fall off, revocations, closes and rooms that their owners close, played to a node. What each socket listens to as whom is foretold step by step; then
/// the sockets, the channels, the index by client and the sets of who is there are each asked from their own side, and all have to say the same.
/// </summary>
internal sealed partial class EdgeHistory
{
    private const int Sockets = 4;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly MemoryNode _node;
    private readonly FakeTimeProvider _time;
    private readonly string[] _clients;
    private readonly Address[] _channels;
    private readonly MemorySocket?[] _sockets = new MemorySocket?[Sockets];

    // Foretold: who is held by a socket and until when, what each listens to as whom, and which room is whose.
    private readonly Dictionary<string, DateTimeOffset?>[] _held = [.. Enumerable.Range(0, Sockets).Select(_ => new Dictionary<string, DateTimeOffset?>())];
    private readonly HashSet<(int Socket, Address Channel, string Client)> _edges = [];
    private readonly Dictionary<Address, string> _owners = [];

    public EdgeHistory(MemoryNode node, FakeTimeProvider time)
    {
        (_node, _time) = (node, time);
        var number = node.NextNumber();
        _clients = [$"amy{number}", $"ben{number}", $"cleo{number}"];
        _channels = [Address.Room($"a{number}"), Address.Room($"b{number}"), Address.Lockspace($"l{number}"), Address.Feed(_clients[0]), .. _clients.Select(Address.Client)];
    }

    /// <summary>How many edges there were at most.</summary>
    public int MostEdges { get; private set; }

    /// <summary>One step after the other, each foretold.</summary>
    public async Task PlayAsync(GraphStep[] steps)
    {
        foreach (var step in steps)
        {
            await StepAsync(step.What, step.Socket, _clients[step.Client], _channels[step.Channel]);
            MostEdges = Math.Max(MostEdges, _edges.Count);
            await MemoryNode.AgreeAsync(async () => Foretold() ?? await BothWaysAsync());
        }

        await EndAsync();
    }

    /// <summary>Four at once, whose order nobody knows: then all sides have to agree, on whatever came of it.</summary>
    public async Task RaceAsync(GraphStep[] steps)
    {
        foreach (var group in steps.Chunk(4))
        {
            for (var i = 0; i < Sockets; i++)
            {
                if (_sockets[i] is null or { IsGone: true } or { Socket.IsClosing: true })
                {
                    _sockets[i] = await _node.OpenAsync(_node.IdentityOf(_clients[i % _clients.Length]));
                }
            }

            await Task.WhenAll(group.Select(s => Task.Run(() => DoAsync(s.What, _sockets[s.Socket]!, _clients[s.Client], _channels[s.Channel]))));
            await MemoryNode.AgreeAsync(BothWaysAsync);
        }

        await EndAsync();
    }

    private async Task EndAsync()
    {
        foreach (var socket in _sockets.OfType<MemorySocket>())
        {
            await socket.CloseAsync(isLost: false);
        }

        Array.Clear(_sockets);
        _time.Advance(TimeSpan.FromSeconds(6));
        await MemoryNode.AgreeAsync(async () => await BothWaysAsync() ?? Array.Find(_clients, c => _node.Sockets.OfClient(c).Count > 0));
        foreach (var (room, owner) in _owners)
        {
            await _node.Rooms.RemoveAsync(Held(owner), new RemoveRoomRequest { Name = room.Name }, default);
        }
    }

    private Task DoAsync(Happening what, MemorySocket socket, string client, Address channel) => what switch
    {
        Happening.Close or Happening.Lose => socket.CloseAsync(what == Happening.Lose),
        Happening.Join => socket.JoinAsync(client, channel),
        Happening.Leave => socket.LeaveAsync(client, channel),
        Happening.Authenticate or Happening.Open => socket.AuthenticateAsync(_node.IdentityOf(client)),
        Happening.AuthenticateForAMinute or Happening.OpenForAMinute => socket.AuthenticateAsync(_node.IdentityOf(client, Minute)),
        Happening.Drop => socket.DropAsync(client),
        Happening.Revoke => _node.Server.RevokeAsync(client),
        Happening.Disconnect => _node.Server.DisconnectAsync(Address.Client(client), "The history says so."),
        Happening.Kick => KickAsync(socket),
        Happening.Place when IsPlace(channel) => _node.Server.SubscribeAsync(client, channel),
        Happening.Displace when IsPlace(channel) => _node.Server.UnsubscribeAsync(client, channel, "The history says so."),
        Happening.CloseRoom when channel.Kind == AddressKind.Room => _node.Rooms.CreateAsync(Held(client), new CreateRoomRequest { Name = channel.Name, Policy = new() { Join = ["owner"] } }, default),
        Happening.RemoveRoom when channel.Kind == AddressKind.Room => _node.Rooms.RemoveAsync(Held(client), new RemoveRoomRequest { Name = channel.Name }, default),
        _ => Task.CompletedTask,
    };

    private async Task StepAsync(Happening what, int at, string client, Address channel)
    {
        var socket = _sockets[at];
        switch (what)
        {
            case Happening.Open or Happening.OpenForAMinute when socket is null:
                var lifetime = what == Happening.Open ? (TimeSpan?)null : Minute;
                _sockets[at] = await _node.OpenAsync(_node.IdentityOf(client, lifetime));
                Hold(at, client, lifetime);
                break;
            case Happening.Close or Happening.Lose when socket is not null:
                await DoAsync(what, socket, client, channel);
                Gone(at);
                break;
            case Happening.Kick when socket is not null:
                await DoAsync(what, socket, client, channel);
                Gone(at);
                break;
            case Happening.Join when socket is not null:
                var mayJoin = _held[at].ContainsKey(client) && (channel.Kind != AddressKind.Client || channel.Name == client) && _owners.GetValueOrDefault(channel, client) == client;
                Foretell(mayJoin, await socket.JoinAsync(client, channel), $"{client} joins {channel}");
                if (mayJoin)
                {
                    _edges.Add((at, channel, client));
                }

                break;
            case Happening.Leave when socket is not null:
                var isOwnFeed = channel == Address.Feed(client);
                Foretell(!isOwnFeed && _edges.Contains((at, channel, client)), await socket.LeaveAsync(client, channel), $"{client} leaves {channel}");
                if (!isOwnFeed)
                {
                    _edges.Remove((at, channel, client));
                }

                break;
            case Happening.Authenticate or Happening.AuthenticateForAMinute when socket is not null:
                Foretell(true, await socket.AuthenticateAsync(_node.IdentityOf(client, what == Happening.Authenticate ? null : Minute)), $"{client} is added");
                Hold(at, client, what == Happening.Authenticate ? null : Minute);
                break;
            case Happening.Drop when socket is not null:
                Foretell(_held[at].ContainsKey(client), await socket.DropAsync(client), $"{client} is dropped");
                _time.Advance(TimeSpan.FromSeconds(0.3));
                await FallAsync(at, client);
                break;
            case Happening.Revoke or Happening.Disconnect:
                await DoAsync(what, null!, client, channel);
                for (var i = 0; i < Sockets; i++)
                {
                    await FallAsync(i, client);
                }

                break;
            case Happening.Place when IsPlace(channel):
                await DoAsync(what, null!, client, channel);
                _edges.UnionWith(Enumerable.Range(0, Sockets).Where(i => _held[i].ContainsKey(client)).Select(i => (i, channel, client)));
                break;
            case Happening.Displace when IsPlace(channel):
                await DoAsync(what, null!, client, channel);
                _edges.RemoveWhere(e => (e.Channel, e.Client) == (channel, client));
                break;
            case Happening.CloseRoom when channel.Kind == AddressKind.Room:
                var isFree = !_owners.ContainsKey(channel) && (await _node.Engine.Presence.ReadAsync(channel)).Members.All(m => m.Client == client);
                Foretell(isFree, (await _node.Rooms.CreateAsync(Held(client), new CreateRoomRequest { Name = channel.Name, Policy = new() { Join = ["owner"] } }, default)).Error, $"{client} makes {channel}");
                if (isFree)
                {
                    _owners[channel] = client;
                }

                break;
            case Happening.RemoveRoom when channel.Kind == AddressKind.Room:
                var isOwner = _owners.GetValueOrDefault(channel) == client;
                Foretell(isOwner, (await _node.Rooms.RemoveAsync(Held(client), new RemoveRoomRequest { Name = channel.Name }, default)).Error, $"{client} removes {channel}");
                if (isOwner)
                {
                    _owners.Remove(channel);
                    _edges.RemoveWhere(e => e.Channel == channel);
                }

                break;
            case Happening.LetTimePass:
                _time.Advance(TimeSpan.FromSeconds(31));
                for (var i = 0; i < Sockets; i++)
                {
                    foreach (var (expired, _) in _held[i].Where(h => h.Value <= _time.GetUtcNow()).ToArray())
                    {
                        await FallAsync(i, expired);
                    }
                }

                break;
        }
    }

    private static bool IsPlace(Address channel) => channel.Kind is AddressKind.Room or AddressKind.Feed;

    private static Task KickAsync(MemorySocket socket)
    {
        socket.Socket.Close(Errors.ShuttingDown, "The history says so.");
        return socket.Gone;
    }

    private HeldIdentity Held(string client) => new(_node.IdentityOf(client));

    private void Hold(int at, string client, TimeSpan? lifetime)
    {
        // One that is renewed goes on with what it has.
        if (!_held[at].ContainsKey(client))
        {
            _edges.Add((at, Address.Feed(client), client));
            _edges.Add((at, Address.Socket(_sockets[at]!.Id), client));
        }

        _held[at][client] = _time.GetUtcNow() + lifetime;
    }

    /// <summary>A client falls off a socket; the last one takes it along.</summary>
    private async Task FallAsync(int at, string client)
    {
        if (!_held[at].Remove(client))
        {
            return;
        }

        _edges.RemoveWhere(e => (e.Socket, e.Client) == (at, client));
        if (_held[at].Count == 0)
        {
            await _sockets[at]!.Gone;
            Gone(at);
        }
    }

    private void Gone(int at)
    {
        _sockets[at] = null;
        _held[at].Clear();
        _edges.RemoveWhere(e => e.Socket == at);
    }

    private static void Foretell(bool isDone, DuplexityError? error, string what)
    {
        if (isDone == error is not null)
        {
            throw new InvalidOperationException($"{what}: {(isDone ? "refused" : "not refused")}. {error?.Sentence}");
        }
    }
}
