using System.Buffers;
using Duplexity.Server.Engine;
using MessagePack;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>Reads entries as scripts and hints give them. What comes from Redis is parsed as what it claims to be, or refused (G18).</summary>
internal static class RedisEntries
{
    public static readonly RedisValue[] TopFields = ["offset", "epoch"];

    public static LogPage Page(Address channel, RedisResult[] read)
    {
        var top = Top((RedisValue)read[1], (RedisValue)read[2]);
        if ((int)read[0] == 0)
        {
            return new LogPage(Recovered: false, [], top, End: true);
        }

        var entries = (RedisResult[])read[4]!;
        var page = new LogEntry[entries.Length];
        for (var i = 0; i < page.Length; i++)
        {
            var fields = (RedisValue[])entries[i]!;
            string earlier = fields[4]!;
            page[i] = Entry(
                channel, new Position((long)fields[0], fields[1]!), fields[2]!, StoredBytes.Read<StoredMessage>(fields[3]!), earlier.Length == 0 ? [] : [.. earlier.Split(' ').Select(p => Position.Parse(p))]);
        }

        return new LogPage(Recovered: true, page, top, End: (int)read[3] == 1);
    }

    public static Position Top(RedisValue offset, RedisValue epoch) => offset.IsNull || (long)offset == 0 ? Position.Start : new Position((long)offset, epoch!);

    /// <summary>A string of Lua as the bytes that it is.</summary>
    public static byte[] Bytes(ref MessagePackReader reader) => reader.ReadStringSequence() is { } bytes ? BuffersExtensions.ToArray(bytes) : [];

    /// <summary>An entry: the one before it is one place before it, and only its epoch is not plain.</summary>
    public static LogEntry Entry(Address channel, Position place, string epochBefore, StoredMessage message, IReadOnlyList<Position> earlier) =>
        new(channel, place, place.Offset == 1 ? Position.Start : new Position(place.Offset - 1, epochBefore), message, earlier);
}
