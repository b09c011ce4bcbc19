using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// The pipes that clients have configured, as every node knows them: all of one client are one record, which is changed by comparison and then told. Here they are in memory, for they are asked for at every message. Thread-safe.
/// </summary>
internal sealed class PipeBook(IEngine engine, PipeStore store, DuplexityOptions options) : ISystemListener
{
    private readonly ChangeTurns _changes = new();
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, ImmutableArray<PipeRecord>> _byOwner = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Address, ImmutableArray<PipeRecord>> _bySource = new();
    private readonly PipeShares _shares = new();

    /// <inheritdoc/>
    public string Kind => "message-pipes";

    /// <summary>What this node does where a client's pipes are others now.</summary>
    public Func<string, Task> Changed { get; set; } = _ => Task.CompletedTask;

    /// <summary>Who has pipes.</summary>
    public IEnumerable<string> Owners => _byOwner.Keys;

    /// <summary>The pipes of a client.</summary>
    public ImmutableArray<PipeRecord> Of(string owner) => _byOwner.GetValueOrDefault(owner, []);

    /// <summary>The pipes that read a channel.</summary>
    public ImmutableArray<PipeRecord> From(Address source) => _bySource.GetValueOrDefault(source, []);

    /// <summary>A pipe's part of what may still be made of a message.</summary>
    public int Share(PipeRecord pipe, LogEntry entry) => _shares.Of(pipe.Edge, entry, From(entry.Channel), entry.Message.Path?.Budget ?? options.MessagePipes.AppendsPerMessage);

    /// <summary>Reads all.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        foreach (var (owner, pipes) in await store.ListAsync(ct))
        {
            Remember(owner, pipes);
        }
    }

    /// <summary>
    /// Changes a client's pipes as <paramref name="change"/> says of those that are written, all or none (null from it: nothing changes), and tells all nodes. One change after the other, whichever nodes they come from: each sees what the
    /// one before it made, and is asked again where another was quicker.
    /// </summary>
    public async Task ChangeAsync(string owner, Func<ImmutableArray<PipeRecord>, ValueTask<ImmutableArray<PipeRecord>?>> change, CancellationToken ct)
    {
        using (await _changes.EnterAsync(owner, ct))
        {
            ImmutableArray<PipeRecord> after;
            string? written;
            do
            {
                (var before, written) = await store.ReadAsync(owner, ct);
                await RememberAsync(owner, before);
                if (await change(before) is not { } made)
                {
                    return;
                }

                after = made;
                await LeaveAsync(before, after);
            }
            while (!await store.TryWriteAsync(owner, written, after, ct));
            Remember(owner, after);
        }

        await Changed(owner);
        await engine.SystemLog.TellAsync(Kind, owner, options.Times.Confirm, ct);
    }

    /// <summary>Reads the pipes of a client, as they are written.</summary>
    public async Task ReadAsync(string owner)
    {
        using var turn = await _changes.EnterAsync(owner, default);
        await RememberAsync(owner, (await store.ReadAsync(owner, default)).Pipes);
    }

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        await ReadAsync(text);
        await Changed(text);
        return 0;
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        foreach (var owner in (await store.ListAsync(default)).Select(r => r.Owner).Union(Owners).ToArray())
        {
            await HearAsync(owner);
        }
    }

    /// <summary>Forgets removed pipes that no other lies behind; <paramref name="placeOf"/> says where a pipe is.</summary>
    public async Task SweepAsync(Func<PipeRecord, Task<Position>> placeOf)
    {
        foreach (var source in _shares.Sources)
        {
            _shares.Sweep(source, await Task.WhenAll(From(source).Select(placeOf)));
        }
    }

    private async Task RememberAsync(string owner, ImmutableArray<PipeRecord> pipes)
    {
        // The same stay the same: what is kept for a grant is kept for the object.
        if (PipeStore.Write(Of(owner)) != PipeStore.Write(pipes))
        {
            await LeaveAsync(Of(owner), pipes);
            Remember(owner, pipes);
        }
    }

    /// <summary>Those that are going to be no more keep their part: before the others can count without them.</summary>
    private async Task LeaveAsync(ImmutableArray<PipeRecord> before, ImmutableArray<PipeRecord> after)
    {
        foreach (var gone in before.Where(b => after.All(a => a.Edge != b.Edge)))
        {
            _shares.Remove(gone, await engine.Log.TopAsync(gone.Source));
        }
    }

    private void Remember(string owner, ImmutableArray<PipeRecord> pipes)
    {
        lock (_lock)
        {
            foreach (var source in Of(owner).Concat(pipes).Select(p => p.Source).Distinct().ToArray())
            {
                ImmutableArray<PipeRecord> there = [.. From(source).Where(p => p.Owner != owner), .. pipes.Where(p => p.Source == source)];
                Put(_bySource, source, there);
            }

            Put(_byOwner, owner, pipes);
        }
    }

    private static void Put<TKey>(ConcurrentDictionary<TKey, ImmutableArray<PipeRecord>> to, TKey key, ImmutableArray<PipeRecord> pipes)
        where TKey : notnull
    {
        if (pipes.IsEmpty)
        {
            to.TryRemove(key, out _);
        }
        else
        {
            to[key] = pipes;
        }
    }
}
