using System.Collections.Concurrent;
using System.Text.Json;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Sockets;

/// <summary>
/// What is written of each client of which something is: up to when its tokens are over, and whether it is disabled. A change is in force here before it is written, and what other nodes write at the same time is kept
/// (<see cref="IRecords.TryReplaceAsync"/>). Thread-safe.
/// </summary>
internal sealed class ClientStandings(IRecords records)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new();
    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>How it stands; null: nothing is written of it.</summary>
    public ClientStanding? Find(string client) => _entries.TryGetValue(client, out var entry) ? entry.Now : null;

    /// <summary>Reads all that is written.</summary>
    public async Task ReadAllAsync(CancellationToken ct)
    {
        foreach (var (client, _) in await records.ListAsync(StandingChange.Client, ct))
        {
            await ReadAsync(client, ct);
        }
    }

    /// <summary>Reads what is written of a client: another node has changed it.</summary>
    public Task ReadAsync(string client, CancellationToken ct) => InTurnAsync(
        client,
        async entry =>
        {
            if (await records.ReadAsync(StandingChange.Client, client, ct) is { } text)
            {
                entry.Write(Read(text));
            }
        },
        ct);

    /// <summary>Changes how a client stands: here at once, then in the records. Where they cannot be written the caller is told so, and what is against the client stands here until a restart or a later change.</summary>
    public async Task ChangeAsync(string client, ClientChange change, CancellationToken ct)
    {
        _entries.GetOrAdd(client, _ => new Entry()).Begin(change);
        await InTurnAsync(
            client,
            async entry =>
            {
                try
                {
                    entry.Write(await WriteAsync(client, change, ct));
                    entry.End(change, isWritten: true);
                }
                catch
                {
                    entry.End(change, isWritten: false);
                    throw;
                }
            },
            ct);
    }

    private static ClientStanding Read(string text) => JsonSerializer.Deserialize<ClientStanding>(text)!;

    private async Task<ClientStanding> WriteAsync(string client, ClientChange change, CancellationToken ct)
    {
        while (true)
        {
            var there = await records.ReadAsync(StandingChange.Client, client, ct);
            var changed = change.Of(there is null ? new(null, false) : Read(there));
            var text = JsonSerializer.Serialize(changed);
            if (there is null ? await records.TryAddAsync(StandingChange.Client, client, text, null, ct) : await records.TryReplaceAsync(StandingChange.Client, client, there, text, null, ct))
            {
                return changed;
            }
        }
    }

    /// <summary>One after the other for each client, so that what is known of the records here never goes back.</summary>
    private async Task InTurnAsync(string client, Func<Entry, Task> act, CancellationToken ct)
    {
        var turn = _turns[(uint)client.GetHashCode(StringComparison.Ordinal) % _turns.Length];
        await turn.WaitAsync(ct);
        try
        {
            await act(_entries.GetOrAdd(client, _ => new Entry()));
        }
        finally
        {
            turn.Release();
        }
    }

    private sealed class Entry
    {
        private readonly Lock _lock = new();
        private readonly List<ClientChange> _pending = [];
        private ClientStanding _written = new(null, false);
        private ClientChange? _failed;
        private volatile ClientStanding _now = new(null, false);

        public ClientStanding Now => _now;

        public void Begin(ClientChange change)
        {
            lock (_lock)
            {
                _pending.Add(change);
                _now = change.Of(_now);
            }
        }

        public void Write(ClientStanding written)
        {
            lock (_lock)
            {
                _written = written;
                FoldUnsynchronized();
            }
        }

        public void End(ClientChange change, bool isWritten)
        {
            lock (_lock)
            {
                _pending.Remove(change);
                _failed = isWritten ? _failed?.WithoutWhatIsIn(change) : _failed?.Then(change.Against) ?? change.Against;
                FoldUnsynchronized();
            }
        }

        private void FoldUnsynchronized() => _now = _pending.Aggregate(_failed?.Of(_written) ?? _written, (there, change) => change.Of(there));
    }
}

/// <summary>How a client stands.</summary>
/// <param name="Before">Up to when its tokens are over; null: none are.</param>
/// <param name="IsDisabled">Whether it may do nothing.</param>
internal sealed record ClientStanding(DateTimeOffset? Before, bool IsDisabled);

/// <summary>A change of how a client stands.</summary>
/// <param name="Before">Up to when its tokens are over from now on; null: as before. It never goes back.</param>
/// <param name="IsDisabled">Whether it may do nothing from now on; null: as before.</param>
internal sealed record ClientChange(DateTimeOffset? Before, bool? IsDisabled = null)
{
    /// <summary>What of it is against the client: nobody is let in by what is not written.</summary>
    public ClientChange Against => IsDisabled is true ? this : this with { IsDisabled = null };

    public ClientStanding Of(ClientStanding there) => new(there.Before > Before || Before is null ? there.Before : Before, IsDisabled ?? there.IsDisabled);

    public ClientChange Then(ClientChange later) => new(Before > later.Before || later.Before is null ? Before : later.Before, later.IsDisabled ?? IsDisabled);

    /// <summary>What is left of it after a later change that is written.</summary>
    public ClientChange WithoutWhatIsIn(ClientChange later) => later.IsDisabled is null ? this : this with { IsDisabled = null };
}
