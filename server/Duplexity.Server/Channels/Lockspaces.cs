using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Channels;

/// <summary>A lockspace as somebody made it. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Owner">The CID that made it.</param>
/// <param name="HasChannel">Whether its address takes messages, also from outside, and hears of members and locks.</param>
/// <param name="Holds">Whether whoever enters is held until released.</param>
/// <param name="KeyHash">A hash of the key that lets somebody out; null: there is none.</param>
/// <param name="Task">What is to be done there, in words for who is held.</param>
/// <param name="Admitted">The CIDs that it does not hold any more.</param>
internal sealed record MadeLockspace(string Name, string Owner, bool HasChannel, bool Holds, string? KeyHash, string? Task, ImmutableArray<string> Admitted)
{
    /// <summary>Whether <paramref name="key"/> lets somebody out.</summary>
    public bool Opens(string? key) => key is not null && KeyHash is not null && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash(key)), Encoding.ASCII.GetBytes(KeyHash));

    /// <summary>What is kept of a key (G18).</summary>
    public static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}

/// <summary>
/// The lockspaces that were made, kept over restarts; one that nobody made has members and locks by its use, and is not here. What happens in one with a channel is told there, as messages from <see cref="Teller"/>. Thread-safe.
/// </summary>
internal sealed class Lockspaces(IEngine engine, DuplexityOptions options, TimeProvider time) : IHostedService, ISystemListener
{
    /// <summary>Who tells on a lockspace's channel: a service principal, which no client can spell.</summary>
    public const string Teller = "service:lockspace";

    private const string RecordKind = "lockspace";

    private readonly ChangeTurns _changes = new();
    private readonly ConcurrentDictionary<string, MadeLockspace> _made = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public string Kind => "lockspace";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var (name, text) in await engine.Records.ListAsync(RecordKind, cancellationToken))
        {
            Remember(name, text);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>A lockspace that was made; null: nobody made it.</summary>
    public MadeLockspace? Find(string name) => _made.GetValueOrDefault(name);

    /// <summary>Whether an address is that of a lockspace with a channel.</summary>
    public bool HasChannel(Address address) => address.Kind == AddressKind.Lockspace && Find(address.Name) is { HasChannel: true };

    /// <summary>The names of those that a client has made.</summary>
    public string[] MadeBy(string owner) => [.. _made.Values.Where(l => l.Owner == owner).Select(l => l.Name)];

    /// <summary>
    /// Makes or changes a lockspace as <paramref name="change"/> says of what is there (null: nothing): on disk, then here. One change after the other: each sees what the one before it made. Null from it changes nothing.
    /// </summary>
    /// <returns>The lockspace as it is now; null where there is none.</returns>
    public async ValueTask<MadeLockspace?> ChangeAsync(string name, Func<MadeLockspace?, MadeLockspace?> change, CancellationToken ct)
    {
        MadeLockspace? made;
        using (await _changes.EnterAsync(name, ct))
        {
            string? before;
            string after;
            do
            {
                // As it is written, and not as it is here: another node may have changed it a moment ago.
                before = await engine.Records.ReadAsync(RecordKind, name, ct);
                var there = Remember(name, before);
                made = change(there);
                if (made is null || made == there)
                {
                    return there;
                }

                after = JsonSerializer.Serialize(made);
            }
            while (before is null ? !await engine.Records.TryAddAsync(RecordKind, name, after, null, ct) : !await engine.Records.TryReplaceAsync(RecordKind, name, before, after, null, ct));
            _made[name] = made;
        }

        await engine.SystemLog.TellAsync(Kind, name, options.Times.Confirm, ct);
        return made;
    }

    /// <summary>Forgets a lockspace: from here on it is one that nobody made.</summary>
    public async ValueTask RemoveAsync(string name, CancellationToken ct)
    {
        using (await _changes.EnterAsync(name, ct))
        {
            await engine.Records.TakeAsync(RecordKind, name, ct);
            _made.TryRemove(name, out _);
        }

        await engine.SystemLog.TellAsync(Kind, name, options.Times.Confirm, ct);
    }

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        using var turn = await _changes.EnterAsync(text, default);
        Remember(text, await engine.Records.ReadAsync(RecordKind, text));
        return 0;
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        var written = await engine.Records.ListAsync(RecordKind);
        foreach (var name in written.Select(r => r.Key).Concat(_made.Keys).Distinct().ToArray())
        {
            await HearAsync(name);
        }
    }

    /// <summary>Tells on a lockspace's channel what happened there; does nothing where it has none.</summary>
    /// <param name="name">The lockspace.</param>
    /// <param name="type">What its messages of this sort are called.</param>
    /// <param name="body">What happened.</param>
    /// <param name="client">By whom: it takes that client's part of what may wait for the disk.</param>
    /// <param name="once">What names it, where every node hears of it: it is told once. Null: this node alone knows.</param>
    public void Tell(string name, string type, object body, string client, string? once = null)
    {
        if (Find(name) is { HasChannel: true })
        {
            var message = new StoredMessage
            {
                Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
                FromClient = Teller,
                SentAt = time.GetUtcNow(),
                Text = JsonSerializer.Serialize(body, JsonSerializerOptions.Web),
                ContentType = "application/json",
                Type = type,
                Destinations = [Address.Lockspace(name)],
            };

            // In line with the call, and nobody waits for it: what happened has happened, whether it could be told or not.
            var key = once is null ? null : new IdempotencyKey(Teller, null, 0, MadeLockspace.Hash(once), type);
            _ = AppendAsync(new AppendRequest(message, key) { ChargedTo = client });
        }
    }

    private MadeLockspace? Remember(string name, string? text)
    {
        if (text is null)
        {
            _made.TryRemove(name, out _);
            return null;
        }

        var made = JsonSerializer.Deserialize<MadeLockspace>(text)!;
        return _made.TryGetValue(name, out var there) && JsonSerializer.Serialize(there) == text ? there : _made[name] = made;
    }

    private async Task AppendAsync(AppendRequest request)
    {
        try
        {
            await engine.Log.AppendAsync(request);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // The engine is away, or the node stops.
        }
    }
}
