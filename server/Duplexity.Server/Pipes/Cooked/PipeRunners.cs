using System.Collections.Concurrent;
using System.Collections.Immutable;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// Runs the message pipes that are for this node, from its start to its end, whether their owners are connected or not. All pipes of one owner are for one node, so that the owner's rates count once; which one, the nodes divide among
/// themselves (<see cref="LiveNodes"/>). Where two take them for theirs for a moment, the destinations take each place once (G20). Thread-safe.
/// </summary>
internal sealed class PipeRunners : IHostedService
{
    private readonly IEngine _engine;
    private readonly ChannelIndex _channels;
    private readonly PipeBook _book;
    private readonly PipeStore _store;
    private readonly IPipeOwners _owners;
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options;
    private readonly ILogger _logger;
    private readonly Func<PipeRecord, PipeRunner> _create;
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, ImmutableDictionary<string, PipeRunner>> _byOwner = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Meter> _meters = new();
    private bool _isRunning;
    private ITimer? _sweep;

    public PipeRunners(
        IEngine engine, ChannelIndex channels, PipeBook book, PipeCarrying carrying, IPipeOwners owners, PipeStore store, TimeProvider time, DuplexityOptions options, ILogger<PipeRunners> logger)
    {
        (_engine, _channels, _book, _store, _owners, _time, _options, _logger) = (engine, channels, book, store, owners, time, options, logger);
        _create = record => new PipeRunner(record, this, book, carrying, owners, engine, store, time, options, logger);
        Turns = new(options.MessagePipes.AtOnce, time);
    }

    /// <summary>How many owners' use is kept.</summary>
    internal int Meters => _meters.Count;

    /// <summary>How many pipes work at the same moment.</summary>
    public PipeTurns Turns { get; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _book.StartAsync(cancellationToken);
        lock (_lock)
        {
            _isRunning = true;
        }

        _book.Changed = ApplyAsync;
        _channels.Appended += Wake;
        if (_engine.Nodes is { } nodes)
        {
            nodes.Changed += Divide;
        }

        await DivideAsync();
        _sweep = _time.CreateTimer(_ => _ = SweepAsync(), null, _options.MessagePipes.Sweep, _options.MessagePipes.Sweep);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _channels.Appended -= Wake;
        if (_engine.Nodes is { } nodes)
        {
            nodes.Changed -= Divide;
        }

        await (_sweep?.DisposeAsync() ?? default);
        PipeRunner[] all;
        lock (_lock)
        {
            _isRunning = false;
            all = All();
            _byOwner.Clear();
        }

        await Task.WhenAll(all.Select(r => r.StopAsync())).WaitAsync(cancellationToken);
        foreach (var runner in all)
        {
            await runner.SaveAsync();
        }
    }

    /// <summary>Who runs a pipe here; null: nobody.</summary>
    public PipeRunner? Find(PipeRecord pipe) => _byOwner.GetValueOrDefault(pipe.Owner)?.GetValueOrDefault(pipe.Edge);

    /// <summary>What an owner's pipes have sent, against its rates: kept while it has pipes, or has used something.</summary>
    public Meter MeterOf(string owner) => _meters.GetOrAdd(owner, _ => new Meter());

    /// <summary>Owners that have come with a newer token have it for all pipes that had the same one.</summary>
    public async Task RenewAsync(PipeRecord pipe, PipeGrant grant)
    {
        try
        {
            await _book.ChangeAsync(pipe.Owner, pipes => new(pipes.Any(IsSame) ? [.. pipes.Select(p => IsSame(p) ? p with { Grant = grant } : p)] : null), default);
        }
        catch (Exception e)
        {
            // Whoever asks next how the owner stands finds it again.
            Find(pipe)?.Change(r => r with { Grant = pipe.Grant });
            _logger.PipeFailed(VisibleText.Of($"{pipe.Owner}/{pipe.Id}", VisibleText.LogLength), e);
        }

        bool IsSame(PipeRecord other) => (other.Grant.Issuer, other.Grant.KeyId, other.Grant.TokenId, other.Grant.IssuedAt) == (pipe.Grant.Issuer, pipe.Grant.KeyId, pipe.Grant.TokenId, pipe.Grant.IssuedAt);
    }

    private PipeRunner[] All() => [.. _byOwner.Values.SelectMany(r => r.Values)];

    private bool IsOwn(string owner) => _engine.Nodes?.IsOwn(owner) ?? true;

    private void Divide() => _ = TryAsync(DivideAsync);

    /// <summary>Begins with what is for this node now, and ends what is not any more.</summary>
    private async Task DivideAsync()
    {
        foreach (var owner in _book.Owners.Union(_byOwner.Keys).ToArray())
        {
            if (IsOwn(owner) == _byOwner.ContainsKey(owner))
            {
                continue;
            }

            if (_engine.Nodes is not null)
            {
                // As they are written, whatever this node was not told while it had nothing to do with them.
                await _book.ReadAsync(owner);
            }

            await ApplyAsync(owner);
        }
    }

    /// <summary>Has exactly those pipes of an owner run that are for this node, as they are in the book.</summary>
    private async Task ApplyAsync(string owner)
    {
        PipeRunner[] ended;
        ImmutableArray<PipeRecord> written;
        lock (_lock)
        {
            written = _book.Of(owner);
            var there = _byOwner.GetValueOrDefault(owner, ImmutableDictionary<string, PipeRunner>.Empty);
            var own = (_isRunning && IsOwn(owner) ? written : []).ToImmutableDictionary(p => p.Edge, p => there.GetValueOrDefault(p.Edge) ?? _create(p));
            ended = [.. there.Where(r => !own.ContainsKey(r.Key)).Select(r => r.Value)];
            if (own.IsEmpty)
            {
                _byOwner.TryRemove(owner, out _);
            }
            else
            {
                _byOwner[owner] = own;
            }

            foreach (var pipe in written.Where(p => own.ContainsKey(p.Edge)))
            {
                own[pipe.Edge].Change(_ => pipe);
                own[pipe.Edge].Wake();
            }
        }

        foreach (var runner in ended)
        {
            // Its last message may be on its way through a gate: nobody waits for that (G11), and nothing begins behind it.
            var stopped = runner.StopAsync();
            if (written.Any(p => p.Edge == runner.Record.Edge))
            {
                _ = TryAsync(async () =>
                {
                    await stopped;
                    await runner.SaveAsync();
                });
            }
            else
            {
                await runner.RemoveAsync();
            }
        }
    }

    private void Wake(LogEntry entry)
    {
        foreach (var pipe in _book.From(entry.Channel))
        {
            Find(pipe)?.Wake();
        }
    }

    private async Task SweepAsync()
    {
        // Whoever removes its pipes and sets them anew has used what it has used.
        foreach (var (owner, _) in _meters.Where(m => m.Value.IsIdle && _book.Of(m.Key).IsEmpty))
        {
            _meters.TryRemove(owner, out _);
        }

        foreach (var runner in All())
        {
            runner.Wake();
            await TryAsync(runner.SaveAsync);
        }

        await TryAsync(DivideAsync);
        await TryAsync(() => _book.SweepAsync(async p => Find(p)?.Place ?? PipeProgress.Of(p, await _store.ReadProgressAsync(p.Edge)).Place));
        RenewOthers();
    }

    /// <summary>A newer token is seen where its owner is connected, which need not be where its pipes run.</summary>
    private void RenewOthers()
    {
        foreach (var owner in _book.Owners.Where(o => !IsOwn(o)))
        {
            foreach (var pipe in _book.Of(owner).DistinctBy(p => (p.Grant.Issuer, p.Grant.KeyId, p.Grant.TokenId)))
            {
                if (_owners.Find(owner, pipe.Grant) is var (_, grant) && !ReferenceEquals(grant, pipe.Grant))
                {
                    _ = RenewAsync(pipe, grant);
                }
            }
        }
    }

    private async Task TryAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception e)
        {
            // The next sweep does it again.
            _logger.PipesNotTended(e);
        }
    }
}
