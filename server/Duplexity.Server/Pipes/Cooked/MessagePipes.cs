using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>The pipes that clients configure: kept as records, run here from the start of the node to its end, whether their owners are connected or not. Thread-safe.</summary>
internal sealed class MessagePipes(
    IEngine engine, ChannelIndex channels, PipeCarrying carrying, IPipeOwners owners, PipeStore store, TimeProvider time, DuplexityOptions options, ILogger<MessagePipes> logger) : IHostedService
{
    /// <summary>Changes of one pipe that it has not caught up with.</summary>
    private const int MostVersions = 16;

    private readonly SemaphoreSlim _changes = new(1, 1);
    private readonly ConcurrentDictionary<Address, ImmutableArray<PipeRunner>> _bySource = new();
    private readonly ConcurrentDictionary<string, ImmutableArray<PipeRunner>> _byOwner = new();
    private readonly ConcurrentDictionary<string, Meter> _meters = new();
    private readonly PipeShares _shares = new();
    private ITimer? _sweep;

    /// <summary>How many owners' use is kept.</summary>
    internal int Meters => _meters.Count;

    /// <summary>How many pipes work at the same moment.</summary>
    public PipeTurns Turns { get; } = new(options.MessagePipes.AtOnce, time);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var record in await store.ListAsync(cancellationToken))
        {
            Add(Runner(record, await store.ReadPlaceAsync(record)));
        }

        channels.Appended += Wake;
        WakeAll();
        _sweep = time.CreateTimer(_ => _ = SweepAsync(), null, options.MessagePipes.Sweep, options.MessagePipes.Sweep);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        channels.Appended -= Wake;
        await (_sweep?.DisposeAsync() ?? default);
        var all = All();
        await Task.WhenAll(all.Select(r => r.StopAsync())).WaitAsync(cancellationToken);
        foreach (var runner in all)
        {
            await runner.SaveAsync();
        }
    }

    /// <summary>Sets pipes of a client, all or none.</summary>
    public async Task<MessagePipesResponse> SetAsync(string owner, PipeGrant grant, MessagePipe[] pipes, CancellationToken ct)
    {
        foreach (var pipe in pipes)
        {
            if (PipeCheck.Problem(pipe, options.MessagePipes) is { } problem)
            {
                return Refuse(Errors.InvalidRequest, $"A message pipe cannot be: {problem}.");
            }
        }

        await _changes.WaitAsync(ct);
        try
        {
            var there = Of(owner);
            var wanted = pipes.Select(p => p with { Id = p.Id ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)), State = null, Place = null, From = Address.Parse(p.From!).ToString() }).ToArray();
            if (wanted.DistinctBy(p => p.Id).Count() < wanted.Length)
            {
                return Refuse(Errors.InvalidRequest, "Two of these pipes have one id.");
            }

            var count = there.Select(r => r.Record.Id).Union(wanted.Select(p => p.Id!)).Count();
            if (count > options.MessagePipes.PerClient)
            {
                return new() { Error = DuplexityError.Of(Errors.TooManyPipes, $"A client has at most {options.MessagePipes.PerClient} message pipes; remove one first.") with { Limit = "message_pipes_per_client", Used = there.Length } };
            }

            var old = wanted.Select(p => there.FirstOrDefault(r => r.Record.Id == p.Id)).ToArray();
            for (var i = 0; i < wanted.Length; i++)
            {
                if (old[i] is { } runner && runner.Record.From != wanted[i].From)
                {
                    return Refuse(Errors.InvalidRequest, $"The pipe {wanted[i].Id} reads another channel; remove it and add it anew.");
                }

                if (old[i] is not { } late)
                {
                    continue;
                }

                await late.SaveAsync();
                if (Versions(late).Count >= MostVersions)
                {
                    return Refuse(Errors.Unavailable, $"The pipe {wanted[i].Id} has not come to its last {MostVersions} changes yet; try again.");
                }
            }

            var records = new PipeRecord[wanted.Length];
            for (var i = 0; i < wanted.Length; i++)
            {
                records[i] = await RecordAsync(owner, grant, wanted[i], old[i], ct);
            }

            // On disk all or none, and only then here.
            await store.WriteAsync(records, ct);
            return new() { Pipes = [.. records.Zip(old, Set).Select(Show)] };
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>The pipes of a client.</summary>
    public MessagePipe[] List(string owner) => [.. Of(owner).OrderBy(r => r.Record.Id, StringComparer.Ordinal).Select(Show)];

    /// <summary>Removes pipes of a client, all or none; null: all of its pipes. Where the disk fails, those that it had come to are gone, and the others are there.</summary>
    public async Task<DuplexityError?> RemoveAsync(string owner, string[]? ids, CancellationToken ct)
    {
        await _changes.WaitAsync(ct);
        try
        {
            var there = Of(owner);
            if (ids?.FirstOrDefault(id => there.All(r => r.Record.Id != id)) is { } unknown)
            {
                return DuplexityError.Of(Errors.UnknownDestination, $"This client has no message pipe {VisibleText.Of(unknown, 64)}.");
            }

            foreach (var runner in there.Where(r => ids is null || ids.Contains(r.Record.Id)))
            {
                var top = await engine.Log.TopAsync(runner.From, ct);
                await runner.RemoveAsync();

                // Its last message may be on its way through a gate: nobody waits for that (G11), and nothing begins behind it.
                _ = runner.StopAsync();
                _shares.Remove(runner, top);
                Drop(_byOwner, owner, runner);
                Drop(_bySource, runner.From, runner);
            }

            return null;
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>A pipe's part of what may still be made of a message.</summary>
    public int Share(PipeRunner runner, LogEntry entry) =>
        _shares.Of(runner, entry, _bySource.GetValueOrDefault(runner.From, []), entry.Message.Path?.Budget ?? options.MessagePipes.AppendsPerMessage);

    /// <summary>What an owner's pipes have sent, against its rates: kept while it has pipes, or has used something.</summary>
    public Meter MeterOf(string owner) => _meters.GetOrAdd(owner, _ => new Meter());

    /// <summary>The owner has come with a newer token.</summary>
    public void Renew(PipeRunner runner, PipeGrant grant)
    {
        // At once, for the next message; written when it is its turn.
        runner.Change(r => r with { Grant = grant });
        _ = KeepAsync(runner, r => r);
    }

    /// <summary>A pipe's source has begun anew, with its offsets: what it does now it does from this place on.</summary>
    public Task BeginAnewAsync(PipeRunner runner, Position place) => KeepAsync(runner, r => r with { Versions = [r.Newest with { Since = place }] });

    private async Task KeepAsync(PipeRunner runner, Func<PipeRecord, PipeRecord> change)
    {
        await _changes.WaitAsync();
        try
        {
            runner.Change(change);
            if (Of(runner.Record.Owner).Contains(runner))
            {
                await store.WriteAsync(runner.Record);
            }
        }
        finally
        {
            _changes.Release();
        }
    }

    private async Task<PipeRecord> RecordAsync(string owner, PipeGrant grant, MessagePipe pipe, PipeRunner? there, CancellationToken ct)
    {
        var top = await engine.Log.TopAsync(Address.Parse(pipe.From!), ct);
        return there is null
            ? new() { Edge = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), Owner = owner, Id = pipe.Id!, From = pipe.From!, Grant = grant, Versions = [new(top, pipe)] }
            : there.Record with { Grant = grant, Versions = [.. Versions(there), new(top, pipe)] };
    }

    private PipeRunner Set(PipeRecord record, PipeRunner? there)
    {
        var runner = there ?? Runner(record, record.Versions[0].Since);
        if (there is null)
        {
            Add(runner);
        }
        else
        {
            there.Change(_ => record);
        }

        runner.Wake();
        return runner;
    }

    /// <summary>The configurations that still matter: those that hold for something that the pipe has not come to, or would come to again after a crash.</summary>
    private static IReadOnlyList<PipeVersion> Versions(PipeRunner runner)
    {
        var (all, place) = (runner.Record.Versions, runner.Saved);
        var first = Math.Max(0, all.ToList().FindLastIndex(v => v.Since.Offset <= place.Offset));
        return [.. all.Skip(first)];
    }

    private PipeRunner Runner(PipeRecord record, Position place) => new(record, place, this, carrying, owners, engine, store, time, options, logger);

    private static MessagePipe Show(PipeRunner runner) => runner.Record.Newest.Pipe with { State = runner.State, Place = runner.Place };

    private ImmutableArray<PipeRunner> Of(string owner) => _byOwner.GetValueOrDefault(owner, []);

    private PipeRunner[] All() => [.. _byOwner.Values.SelectMany(r => r)];

    private void Add(PipeRunner runner)
    {
        _byOwner.AddOrUpdate(runner.Record.Owner, [runner], (_, there) => there.Add(runner));
        _bySource.AddOrUpdate(runner.From, [runner], (_, there) => there.Add(runner));
    }

    private static void Drop<TKey>(ConcurrentDictionary<TKey, ImmutableArray<PipeRunner>> from, TKey key, PipeRunner runner)
        where TKey : notnull
    {
        // Under the lock of changes, like Add: an empty list can go.
        var left = from.GetValueOrDefault(key, []).Remove(runner);
        if (left.IsEmpty)
        {
            from.TryRemove(key, out _);
        }
        else
        {
            from[key] = left;
        }
    }

    private void Wake(LogEntry entry)
    {
        if (_bySource.TryGetValue(entry.Channel, out var runners))
        {
            foreach (var runner in runners)
            {
                runner.Wake();
            }
        }
    }

    private void WakeAll() => Array.ForEach(All(), r => r.Wake());

    private async Task SweepAsync()
    {
        // Whoever removes its pipes and sets them anew has used what it has used.
        foreach (var (owner, _) in _meters.Where(m => m.Value.IsIdle && !_byOwner.ContainsKey(m.Key)))
        {
            _meters.TryRemove(owner, out _);
        }

        _shares.Sweep(source => _bySource.GetValueOrDefault(source, []));
        foreach (var runner in All())
        {
            runner.Wake();
            try
            {
                await runner.SaveAsync();
            }
            catch (Exception e)
            {
                logger.PipeFailed(VisibleText.Of($"{runner.Record.Owner}/{runner.Record.Id}", VisibleText.LogLength), e);
            }
        }
    }

    private static MessagePipesResponse Refuse((int Code, string Name) error, string sentence) => new() { Error = DuplexityError.Of(error, sentence) };
}
