using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// What inboxes gave up: offered as often as it may be and never acknowledged. Kept whole, for the log may let go of it; as many as the limit says, oldest out first, each for as long as a channel keeps a message. Thread-safe.
/// </summary>
internal sealed class DeadLetters(IEngine engine, TimeProvider time, DuplexityOptions options)
{
    /// <summary>
    /// Keeps one; again: no other one. To see which are too many all are read, so that is done with the first since the inbox was loaded and then with each of a tenth of the limit: until then so many more lie there unseen.
    /// </summary>
    /// <param name="client">Whose inbox gave it up.</param>
    /// <param name="entry">What.</param>
    /// <param name="attempts">How often it was offered.</param>
    /// <param name="nth">The how many-th it is since the inbox was loaded, from 1 on.</param>
    public async Task KeepAsync(string client, LogEntry entry, int attempts, int nth)
    {
        var at = time.GetUtcNow();
        var letter = new DeadLetter { Message = Delivery.OnTheWire(entry), Attempts = attempts, At = at.ToUnixTimeMilliseconds() };
        await engine.Records.PutAsync(Kind(client), Key(entry), JsonSerializer.Serialize(letter), at + options.Times.Retention);
        if ((nth - 1) % Math.Max(1, options.Limits.DeadLetters / 10) == 0)
        {
            var all = await engine.Records.ListAsync(Kind(client));
            await Task.WhenAll(all.SkipLast(options.Limits.DeadLetters).Select(r => engine.Records.TakeAsync(Kind(client), r.Key).AsTask()));
        }
    }

    /// <summary>A page of a client's dead letters, the oldest first: from behind the message <paramref name="after"/> on, and about as large as a page of a log may be.</summary>
    public async Task<(DeadLetter[] Letters, bool IsEnd)> ReadAsync(string client, string? after, int limit)
    {
        var all = (await engine.Records.ListAsync(Kind(client))).TakeLast(options.Limits.DeadLetters).ToList();
        var from = after is null ? 0 : all.FindIndex(r => r.Key.EndsWith($"-{after}", StringComparison.Ordinal)) + 1;
        var (page, bytes) = (new List<DeadLetter>(), 0L);
        foreach (var (_, letter) in all.Skip(from).Take(limit).TakeWhile(_ => bytes < LogPage.MaxBytes))
        {
            page.Add(JsonSerializer.Deserialize<DeadLetter>(letter)!);
            bytes += letter.Length;
        }

        return ([.. page], from + page.Count == all.Count);
    }

    /// <summary>
    /// Puts one into the inbox anew, then lets it go; null where there is none of that id. Asked twice, also by two, it is put there once: the letter itself is the key.
    /// </summary>
    public async Task<(string Id, Position Position)?> ReplayAsync(string client, string id)
    {
        if (await FindAsync(client, id) is not var (key, old))
        {
            return null;
        }

        var inbox = Address.Client(client);
        var message = new StoredMessage
        {
            Id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{client}\nreplay\n{key}")).AsSpan(0, 16)),
            FromClient = old.From.Client,
            FromSocket = old.From.Socket,
            SentAt = time.GetUtcNow(),
            Text = old.Text,
            Bytes = old.Bytes,
            ContentType = old.ContentType,
            Type = old.Type,
            Re = old.Re,
            Headers = old.Headers,
            Destinations = [inbox],
        };

        // The line break keeps it apart from every key that an application chooses of its own.
        var result = await engine.Log.AppendAsync(new AppendRequest(message, new IdempotencyKey(client, null, 0, $"\nreplay {key}", key)));
        await engine.Records.TakeAsync(Kind(client), key);
        return (result.MessageId, result.Positions[0]);
    }

    /// <summary>Lets one go; false where there is none of that id.</summary>
    public async Task<bool> DiscardAsync(string client, string id) =>
        await FindAsync(client, id) is var (key, _) && await engine.Records.TakeAsync(Kind(client), key) is not null;

    private async ValueTask<(string Key, DeliveredMessage Message)?> FindAsync(string client, string id)
    {
        foreach (var (key, value) in await engine.Records.ListAsync(Kind(client)))
        {
            if (key.EndsWith(id, StringComparison.Ordinal) && JsonSerializer.Deserialize<DeadLetter>(value)!.Message is { } message && message.Id == id)
            {
                return (key, message);
            }
        }

        return null;
    }

    /// <summary>Forgets all of a client.</summary>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var (key, _) in await engine.Records.ListAsync(Kind(client), ct))
        {
            await engine.Records.TakeAsync(Kind(client), key, ct);
        }
    }

    private static string Kind(string client) => $"dead-letter:{client}";

    /// <summary>In the order of sending, and the same for the same copy.</summary>
    private static string Key(LogEntry entry) =>
        string.Create(CultureInfo.InvariantCulture, $"{entry.Message.SentAt.ToUnixTimeMilliseconds():D14}-{entry.Position.Offset:D16}-{entry.Message.Id}");
}
