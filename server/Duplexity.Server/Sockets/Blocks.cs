using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Sockets;

/// <summary>Clients, or single sessions of theirs, that are kept away for a time after a forced disconnect (G21), by every node, also by one that starts meanwhile. Thread-safe.</summary>
internal sealed class Blocks(IEngine engine, TimeProvider time) : ISystemListener
{
    private const string RecordKind = "block";

    /// <summary>Sessions of one client that are kept away at once. Beyond it the socket is closed, and its session may come back: whoever wants a client away says so of the client.</summary>
    private const int SessionsPerClient = 100;

    private static readonly TimeSpan Pruning = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string Client, string? Session), DateTimeOffset> _until = new();
    private DateTimeOffset _pruned = time.GetUtcNow();

    /// <inheritdoc/>
    public string Kind => "block";

    /// <summary>What the kept away are told; null: they are not.</summary>
    public DuplexityError? Find(string client, string? session)
    {
        var ofClient = Until(client, null);
        var ofSession = session is null ? null : Until(client, session);
        return (ofClient > ofSession ? ofClient : ofSession ?? ofClient) is { } until
            ? DuplexityError.Of(Errors.Denied, "This client was disconnected by force and is kept away for a while.") with { RetryAfterMs = (long)(until - time.GetUtcNow()).TotalMilliseconds + 1 }
            : null;
    }

    /// <summary>Keeps a client, or one session of it, away for a time. Whoever tells something later is answered when every node has heard of this too.</summary>
    public async Task KeepAwayAsync(string client, string? session, TimeSpan duration)
    {
        var now = time.GetUtcNow();
        if (session is not null && _until.Count(b => b.Value > now && b.Key.Client == client && b.Key.Session is { } other && other != session) >= SessionsPerClient)
        {
            return;
        }

        var block = new Block(client, session, now + duration);
        Hear(block);
        await engine.Records.PutAsync(RecordKind, JsonSerializer.Serialize(new[] { client, session }), block.Until.ToString("O", CultureInfo.InvariantCulture), block.Until);
        await engine.SystemLog.TellAsync(Kind, JsonSerializer.Serialize(block), TimeSpan.Zero);
    }

    /// <inheritdoc/>
    public ValueTask<int> HearAsync(string text)
    {
        Hear(JsonSerializer.Deserialize<Block>(text)!);
        return new(0);
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        foreach (var (key, until) in await engine.Records.ListAsync(RecordKind))
        {
            if (JsonSerializer.Deserialize<string[]>(key) is [var client, var session] && DateTimeOffset.TryParse(until, CultureInfo.InvariantCulture, out var end))
            {
                Hear(new(client, session, end));
            }
        }
    }

    private void Hear(Block block)
    {
        if (time.GetUtcNow() is var now && now - _pruned > Pruning)
        {
            _pruned = now;
            foreach (var there in _until.Where(b => b.Value <= now))
            {
                _until.TryRemove(there);
            }
        }

        _until.AddOrUpdate((block.Client, block.Session), block.Until, (_, there) => there > block.Until ? there : block.Until);
    }

    private DateTimeOffset? Until(string client, string? session) => _until.TryGetValue((client, session), out var until) && until > time.GetUtcNow() ? until : null;

    private sealed record Block(string Client, string? Session, DateTimeOffset Until);
}
