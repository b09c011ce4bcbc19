using System.Collections.Concurrent;
using System.Text.Json;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Pipes;

/// <summary>
/// What clients have said that outlives the process about channels: rooms made by hand, and who may follow them. Read before the node serves anybody; asking is one look into memory. Thread-safe.
/// </summary>
internal sealed class RoomBook(IRecords records) : IHostedService
{
    private const string RoomKind = "room";
    private const string FeedKind = "feed";

    private readonly ChangeTurns _changes = new();
    private readonly ConcurrentDictionary<string, MadeRoom> _rooms = new();
    private readonly ConcurrentDictionary<string, (string[] Words, Who Followers)> _feeds = new();

    /// <summary>All rooms that were made by hand, by name.</summary>
    public IEnumerable<KeyValuePair<string, MadeRoom>> Rooms => _rooms;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var (name, text) in await records.ListAsync(RoomKind, cancellationToken))
        {
            _rooms[name] = MadeRoom.Read(text);
        }

        foreach (var (client, text) in await records.ListAsync(FeedKind, cancellationToken))
        {
            Remember(client, JsonSerializer.Deserialize<string[]>(text)!);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>A room that was made by hand; null: it was not.</summary>
    public MadeRoom? Find(string name) => _rooms.GetValueOrDefault(name);

    /// <summary>How many rooms a client owns.</summary>
    public int CountOf(string owner) => _rooms.Count(r => r.Value.Owner == owner);

    /// <summary>Writes a room down; false where there is one of that name already.</summary>
    public async ValueTask<bool> TryAddAsync(string name, MadeRoom room, CancellationToken ct)
    {
        using var turn = await _changes.EnterAsync(name, ct);

        // In memory first: whoever comes meanwhile meets the policy, and not a room that is open still.
        if (!_rooms.TryAdd(name, room))
        {
            return false;
        }

        var isWritten = false;
        try
        {
            return isWritten = await records.TryAddAsync(RoomKind, name, room.Write(), null, ct);
        }
        finally
        {
            if (!isWritten)
            {
                _rooms.TryRemove(new(name, room));
            }
        }
    }

    /// <summary>Puts a room in the place of what it was, on disk and then here; false where it is not that any more. That it is closing is nowhere written: a restart opens it again.</summary>
    public async ValueTask<bool> TryChangeAsync(string name, MadeRoom before, MadeRoom room, CancellationToken ct)
    {
        using var turn = await _changes.EnterAsync(name, ct);
        if (Find(name) != before)
        {
            return false;
        }

        var (was, text) = (before.Write(), room.Write());
        if (!room.IsClosing && text != was && !await records.TryReplaceAsync(RoomKind, name, was, text, null, ct))
        {
            // Another node has changed it, and tells so.
            return false;
        }

        _rooms[name] = room;
        return true;
    }

    /// <summary>Nobody may do anything in a room any more: another node removes it.</summary>
    public void Close(string name)
    {
        if (Find(name) is { IsClosing: false } room)
        {
            _rooms.TryUpdate(name, new MadeRoom(room.Owner, room.Since, room.Policy) { IsClosing = true }, room);
        }
    }

    /// <summary>Reads what is written of a room: another node has changed it.</summary>
    public async ValueTask ReadRoomAsync(string name)
    {
        using var turn = await _changes.EnterAsync(name, default);
        if (await records.ReadAsync(RoomKind, name) is { } text)
        {
            _rooms[name] = MadeRoom.Read(text);
        }
        else
        {
            _rooms.TryRemove(name, out _);
        }
    }

    /// <summary>Reads what is written of a client's followers: another node has changed it.</summary>
    public async ValueTask ReadFeedAsync(string client)
    {
        using var turn = await _changes.EnterAsync(client, default);
        if (await records.ReadAsync(FeedKind, client) is { } text)
        {
            Remember(client, JsonSerializer.Deserialize<string[]>(text)!);
        }
        else
        {
            _feeds.TryRemove(client, out _);
        }
    }

    /// <summary>Reads everything that is written once more, each in its turn: this node may be changing it.</summary>
    public async ValueTask ReadAllAsync()
    {
        foreach (var name in (await records.ListAsync(RoomKind)).Select(r => r.Key).Concat(_rooms.Keys).Distinct().ToArray())
        {
            await ReadRoomAsync(name);
        }

        foreach (var client in (await records.ListAsync(FeedKind)).Select(r => r.Key).Concat(_feeds.Keys).Distinct().ToArray())
        {
            await ReadFeedAsync(client);
        }
    }

    /// <summary>Strikes a room out.</summary>
    public async ValueTask RemoveAsync(string name, CancellationToken ct)
    {
        using var turn = await _changes.EnterAsync(name, ct);
        await records.TakeAsync(RoomKind, name, ct);
        _rooms.TryRemove(name, out _);
    }

    /// <summary>What a client said about its followers; null: nothing.</summary>
    public (string[] Words, Who Followers)? Feed(string client) => _feeds.TryGetValue(client, out var feed) ? feed : null;

    /// <summary>Writes down who may follow a client; null: as the settings say.</summary>
    public async ValueTask SetFeedAsync(string client, string[]? words, CancellationToken ct)
    {
        using var turn = await _changes.EnterAsync(client, ct);

        // Refused at once, allowed when it is written: should the store fail, nobody hears more than the owner has said, whatever the settings say.
        Remember(client, [Who.None]);
        if (words is null)
        {
            await records.TakeAsync(FeedKind, client, ct);
            _feeds.TryRemove(client, out _);
            return;
        }

        await records.PutAsync(FeedKind, client, JsonSerializer.Serialize(words), null, ct);
        Remember(client, words);
    }

    private void Remember(string client, string[] words) => _feeds[client] = Who.TryRead(words, out var who, out var problem)
        ? (words, who!)
        : throw new JsonException($"The record of {client}'s feed {problem}.");
}
