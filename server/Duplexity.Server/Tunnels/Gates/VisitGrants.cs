using System.Collections.Concurrent;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>One client may visit one pipe for a while.</summary>
/// <param name="Id">Its own.</param>
/// <param name="For">The pipe, and whose it was.</param>
/// <param name="Client">Who may.</param>
/// <param name="Until">Until when.</param>
/// <param name="Methods">With which methods; null: any.</param>
/// <param name="Path">At or below which path; null: any.</param>
internal sealed record VisitGrant(string Id, Tenure For, string Client, DateTimeOffset Until, string[]? Methods, string? Path);

/// <summary>What owners have granted to single clients. Written down, then known on every node; each belongs to its owner's tenure of the name (G7) and ends with its time. Thread-safe.</summary>
internal sealed class VisitGrants(IEngine engine, IOptions<DuplexityOptions> settings, TimeProvider time) : IHostedService, ISystemListener, IBelongings
{
    private const string RecordKind = "visit-grant";

    private readonly ConcurrentDictionary<string, VisitGrant> _grants = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly DuplexityOptions _options = settings.Value;
    private volatile ILookup<(string Pipe, string Client), VisitGrant> _byVisitor = Enumerable.Empty<VisitGrant>().ToLookup(g => (g.For.Pipe, g.Client));

    /// <summary>Some were withdrawn: who is served by them is to be looked at.</summary>
    public event Action? Changed;

    /// <inheritdoc/>
    public string Kind => RecordKind;

    public async Task StartAsync(CancellationToken cancellationToken) => await ReadAllAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Whether a client was granted what it asks for.</summary>
    public bool Covers(PipeEntry entry, string client, string method, string target)
    {
        var now = time.GetUtcNow();
        return _byVisitor[(entry.Name, client)].Any(g => g.Until > now && g.For.Covers(entry)
            && (g.Methods is null || g.Methods.Contains(method, StringComparer.Ordinal)) && (g.Path is null || PathRule.Covers(g.Path, target)));
    }

    /// <summary>The grants of an owner that are in force, by pipe and client.</summary>
    public VisitGrant[] Of(string owner) => [.. _grants.Values.Where(g => g.For.Owner == owner && g.Until > time.GetUtcNow())
        .OrderBy(g => g.For.Pipe, StringComparer.Ordinal).ThenBy(g => g.Client, StringComparer.Ordinal).ThenBy(g => g.Until)];

    /// <summary>Grants; completes when every node knows, or after <see cref="TimeOptions.Confirm"/>. An error: the owner has too many.</summary>
    public async Task<DuplexityError?> AddAsync(VisitGrant grant, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            if (Of(grant.For.Owner).Length is var used && used >= _options.Limits.GrantsPerClient)
            {
                return DuplexityError.Of(Errors.RateLimited, $"A client has at most {_options.Limits.GrantsPerClient} grants of visits; withdraw one first.") with { Limit = "grants_per_client", Used = used };
            }

            await engine.Records.PutAsync(RecordKind, grant.Id, JsonSerializer.Serialize(grant), grant.Until, ct);
            _grants[grant.Id] = grant;
            Sort();
        }
        finally
        {
            _turn.Release();
        }

        await engine.SystemLog.TellAsync(Kind, grant.Id, _options.Times.Confirm, ct);
        return null;
    }

    /// <summary>Withdraws what an owner granted at a pipe to a client; completes when nobody is served by it any more, as far as the other nodes confirm within <see cref="TimeOptions.Confirm"/>. Returns how many grants.</summary>
    public async Task<(int Grants, int Pending)> WithdrawAsync(string owner, string pipe, string client, CancellationToken ct)
    {
        var withdrawn = Of(owner).Where(g => g.For.Pipe == pipe && g.Client == client).ToArray();
        var pending = 0;
        foreach (var grant in withdrawn)
        {
            await engine.Records.TakeAsync(RecordKind, grant.Id, ct);
            pending = Math.Max(pending, (await engine.SystemLog.TellAsync(Kind, grant.Id, _options.Times.Confirm, ct)).Pending);
        }

        return (withdrawn.Length, pending);
    }

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        var isWithdrawn = false;
        if (await engine.Records.ReadAsync(RecordKind, text) is { } there)
        {
            _grants[text] = JsonSerializer.Deserialize<VisitGrant>(there)!;
        }
        else
        {
            isWithdrawn = _grants.TryRemove(text, out _);
        }

        Sort();
        if (isWithdrawn)
        {
            Changed?.Invoke();
        }

        return 0;
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        await ReadAllAsync(CancellationToken.None);
        Changed?.Invoke();
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var grant in _grants.Values.Where(g => g.Client == client || g.For.Owner == client))
        {
            await engine.Records.TakeAsync(RecordKind, grant.Id, ct);
            await engine.SystemLog.TellAsync(Kind, grant.Id, TimeSpan.Zero, ct);
        }
    }

    private async Task ReadAllAsync(CancellationToken ct)
    {
        var written = (await engine.Records.ListAsync(RecordKind, ct)).ToDictionary(r => r.Key, r => JsonSerializer.Deserialize<VisitGrant>(r.Value)!);
        foreach (var (id, grant) in written)
        {
            _grants[id] = grant;
        }

        foreach (var id in _grants.Keys.Where(id => !written.ContainsKey(id)))
        {
            _grants.TryRemove(id, out _);
        }

        Sort();
    }

    private void Sort()
    {
        var now = time.GetUtcNow();
        foreach (var over in _grants.Where(g => g.Value.Until <= now))
        {
            _grants.TryRemove(over);
        }

        _byVisitor = _grants.Values.ToLookup(g => (g.For.Pipe, g.Client));
    }
}
