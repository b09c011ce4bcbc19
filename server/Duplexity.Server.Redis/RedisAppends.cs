using Duplexity.Server.Engine;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>What the append script is given, in its order, and what its answer says.</summary>
internal sealed class RedisAppends(RedisKeys keys, DuplexityOptions options, IRetention retention)
{
    /// <summary>Sessions of one client whose receipts are kept; the longest unused gives way, so that a client that draws a new one for every send pays with its own.</summary>
    private const int Sessions = 1_000;

    /// <summary>Keys and arguments.</summary>
    public (RedisKey[] Keys, RedisValue[] Arguments) Of(AppendRequest request, string node, byte[] body, ReceiptLevel level)
    {
        var (message, key) = (request.Message, request.Key);
        Retention[] kept = [.. message.Destinations.Select(retention.Of)];
        level = kept.Any(k => k.Ephemeral) ? ReceiptLevel.Accepted : level;
        List<RedisKey> named = [keys.Nodes, keys.Births, keys.Everything];
        List<RedisValue> said = [node, keys.Topic, message.Id, (int)level, body, message.Size];
        if (key is not null)
        {
            var (kind, pair, name) = Receipts(key);
            named.AddRange(pair);
            said.AddRange([kind, name, key.Sequence, key.After, key.Fingerprint, Microseconds(options.Times.Idempotency)]);
            said.AddRange([key.Key is null ? options.Limits.ReceiptsPerSession : options.Limits.IdempotencyKeysPerClient, Sessions, keys.Receipts(key.Client, "").ToString()]);
        }
        else
        {
            said.AddRange(["", "", 0, 0, "", 0, 0, 0, ""]);
        }

        said.AddRange([request.Fence?.Lock ?? "", request.Fence?.Token ?? 0, options.Limits.LocksPerChannel]);
        said.AddRange([request.Source?.Edge ?? "", request.Source?.Place.Offset ?? 0, request.Source?.Place.Epoch ?? "", options.Limits.SourcesPerChannel, Milliseconds(options.Times.ChannelMarks)]);
        for (var i = 0; i < kept.Length; i++)
        {
            var destination = message.Destinations[i];
            named.AddRange([keys.Log(destination), keys.Top(destination), keys.Followers(destination)]);
            said.AddRange([destination.ToString(), Microseconds(kept[i].Age), kept[i].Most, kept[i].Bytes, TopMemory(kept[i])]);
        }

        if (request.Fence is not null)
        {
            named.AddRange(message.Destinations.SelectMany(d => new[] { keys.Fences(d), keys.FencesShown(d) }));
        }

        if (request.Source is not null)
        {
            named.AddRange(message.Destinations.SelectMany(d => new[] { keys.Sources(d), keys.SourcesShown(d) }));
        }

        return ([.. named], [.. said]);
    }

    /// <summary>Of which kind a key is, where its receipts are, and its name there.</summary>
    public (string Kind, RedisKey[] Keys, string Name) Receipts(IdempotencyKey key) => key.Key is null
        ? ("s", [keys.Receipts(key.Client, key.Session!), keys.Sessions(key.Client)], key.Session!)
        : ("k", [keys.Keyed(key.Client), keys.KeyedOrder(key.Client)], key.Key);

    /// <summary>The answer; null where the node's lease is over, and nothing was done.</summary>
    public static AppendResult? Read(RedisResult answer, string messageId)
    {
        var parts = (RedisResult[])answer!;
        var outcome = (string)parts[0]! switch
        {
            "stored" => AppendOutcome.Stored,
            "repeated" => AppendOutcome.Repeated,
            "mismatch" => AppendOutcome.Mismatch,
            "unknown" => AppendOutcome.Unknown,
            "early" => AppendOutcome.TooEarly,
            "stale" => AppendOutcome.StaleFence,
            "taken" => AppendOutcome.AlreadyTaken,
            _ => (AppendOutcome?)null,
        };
        return outcome switch
        {
            null => null,
            AppendOutcome.Stored or AppendOutcome.Repeated => new AppendResult(
                outcome.Value,
                (string)parts[1]!,
                [.. ((string[])parts[3]!).Select(a => Address.Parse(a))],
                [.. ((string[])parts[4]!).Select(p => Position.Parse(p))],
                (ReceiptLevel)(int)parts[2]),
            _ => AppendResult.Refused(outcome.Value, messageId),
        };
    }

    public static long Microseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    public static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;

    /// <summary>A reader who was away for the whole retention is still told that something is gone. What is ephemeral has no reader that comes back so late.</summary>
    private long TopMemory(Retention kept)
    {
        var entries = Milliseconds(kept.Age);
        return kept.Ephemeral ? entries + 60_000 : Math.Max(2 * entries, Milliseconds(options.Times.ChannelMarks));
    }
}
