using System.Collections.Concurrent;
using Duplexity.Server.Engine;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>Who is in a channel, for all nodes. What this node has added it remembers, to put it back where the store has lost it.</summary>
internal sealed class RedisPresence(RedisLink link, RedisNode node) : IPresence
{
    private readonly ConcurrentDictionary<(Address Channel, string Client, string SocketId), byte> _own = new();

    /// <inheritdoc/>
    public async ValueTask<bool> AddAsync(Address channel, string client, string socketId, CancellationToken ct = default) => (await JoinAsync(channel, client, socketId, "")).IsNews;

    /// <inheritdoc/>
    public async ValueTask<bool> TryAddAsync(Address channel, string client, string socketId, int most, CancellationToken ct = default) => (await JoinAsync(channel, client, socketId, most)).IsThere;

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveAsync(Address channel, string client, string socketId, string? reason = null, CancellationToken ct = default)
    {
        _own.TryRemove((channel, client, socketId), out _);
        var keys = link.Keys;
        RedisValue[] said = [keys.Topic, keys.Belongings, channel.ToString(), client, socketId];
        return (int)await link.RunAsync(RedisScript.Leave, OfChannel(channel), reason is null ? said : [.. said, reason]) == 1;
    }

    /// <inheritdoc/>
    public async ValueTask<PresenceSnapshot> ReadAsync(Address channel, CancellationToken ct = default)
    {
        var read = (RedisResult[])(await link.RunAsync(RedisScript.Members, [link.Keys.Presence(channel), link.Keys.PresenceVersion(channel), link.Keys.PresenceFloor]))!;
        var members = ((string[])read[1]!).Select(m => m.Split('\0')).Select(m => (Client: m[0], SocketId: m[1])).ToArray();
        Array.Sort(members, PresenceOrder.Instance);
        return new PresenceSnapshot((long)read[0], members);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<(Address Channel, string Client, string SocketId)>> ListOwnAsync(CancellationToken ct = default)
    {
        var own = await link.AskAsync(database => database.SetMembersAsync(link.Keys.Of(node.Id, "presence")));
        return [.. own.Select(m => ((string)m!).Split('\0')).Select(m => (Address.Parse(m[0]), m[1], m[2]))];
    }

    /// <summary>Adds once more what this node has added.</summary>
    public async Task RestoreAsync()
    {
        foreach (var some in _own.Keys.Chunk(256))
        {
            await Task.WhenAll(some.Select(RestoreAsync));
        }
    }

    private async Task RestoreAsync((Address Channel, string Client, string SocketId) own)
    {
        // Not by the node's own way: this is part of what that does.
        await link.RunAsync(RedisScript.Join, [link.Keys.Nodes, .. OfChannel(own.Channel)], Said(node.Id, own.Channel, own.Client, own.SocketId, ""));
        if (!_own.ContainsKey(own))
        {
            // It left in between.
            await RemoveAsync(own.Channel, own.Client, own.SocketId);
        }
    }

    private async Task<(bool IsThere, bool IsNews)> JoinAsync(Address channel, string client, string socketId, RedisValue most)
    {
        var answer = await node.RunAsync(RedisScript.Join, [link.Keys.Nodes, .. OfChannel(channel)], id => Said(id, channel, client, socketId, most));
        var isThere = (string?)answer[0] == "there";
        if (isThere)
        {
            _own[(channel, client, socketId)] = 0;
        }

        return (isThere, (int)answer[1] == 1);
    }

    private RedisValue[] Said(string id, Address channel, string client, string socketId, RedisValue most) => [id, link.Keys.Topic, link.Keys.Belongings, channel.ToString(), client, socketId, most];

    private RedisKey[] OfChannel(Address channel) =>
        [link.Keys.Presence(channel), link.Keys.PresenceVersion(channel), link.Keys.PresenceFloor, link.Keys.PresenceEmptied, link.Keys.Everything, link.Keys.Followers(channel)];
}
