using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Server.Tunnels.Names;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>Registers, removes and lists the public pipes of sessions; those of a session that is over go with it. Thread-safe.</summary>
internal sealed partial class PublicPipes
{
    private const int NameDraws = 8; // a made-up name that is taken already is drawn again; that happens once in some thousand times
    private readonly BackendRegistry _backend;
    private readonly PipeNames _names;
    private readonly PipeUrl _url;
    private readonly Node _node;
    private readonly Sessions _sessions;
    private readonly CarrierPools _pools;
    private readonly PipePorts _ports;
    private readonly PipeTallies _tallies;
    private readonly PipeWatches _watches;
    private readonly ClosedPipes _closed;
    private readonly PipeNews _news;
    private readonly QueueNames _queues;
    private readonly NameBook _book;
    private readonly NameClaims _claims;
    private readonly DomainProofs _domains;
    private readonly VisitorRules _rules;
    private readonly DuplexityOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<PublicPipes> _logger;

    // Registering and removing take turns: a port is opened before its name is registered, and closed after, and both must hold together.
    private readonly SemaphoreSlim _turn = new(1, 1);

    public PublicPipes(
        BackendRegistry backend, PipeNames names, PipeUrl url, Node node, Sessions sessions, CarrierPools pools, PipePorts ports, PipeTallies tallies, PipeWatches watches, ClosedPipes closed, PipeNews news, QueueNames queues, NameBook book, NameClaims claims, DomainProofs domains, VisitorRules rules,
        IOptions<DuplexityOptions> options, TimeProvider time, ILogger<PublicPipes> logger)
    {
        (_backend, _names, _url, _node, _sessions, _pools, _ports) = (backend, names, url, node, sessions, pools, ports);
        (_tallies, _watches, _closed, _news, _queues, _options, _time, _logger) = (tallies, watches, closed, news, queues, options.Value, time, logger);
        (_book, _claims, _domains, _rules) = (book, claims, domains, rules);
        sessions.Ended += LetGoAsync;
    }

    /// <summary>Registers all pipes or none, under the session's generation; every bad one is named in its result. A port listens before the answer is given.</summary>
    public async Task<PipesResponse> RegisterAsync(Session session, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, CancellationToken ct)
    {
        var answer = await TryRegisterAsync(session, rules, pipes, ct);
        return answer.Error?.Is(Errors.NameTaken) == true && await CloseUnprovenAsync(session.Client, [.. pipes.Where(p => p.Private != true).Select(p => _names.Read(p).Name).OfType<string>()], ct)
            ? await TryRegisterAsync(session, rules, pipes, ct)
            : answer;
    }

    private async Task<PipesResponse> TryRegisterAsync(Session session, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, CancellationToken ct)
    {
        var results = await ReadAsync(session.Client, rules, pipes, ct);
        pipes = await SettledAsync(session, pipes, results, ct);
        if (!await _turn.WaitAsync(_options.Times.Carry, ct))
        {
            return new() { Error = DuplexityError.Of(Errors.Unavailable, "Other pipes are being registered and removed; try again.") };
        }

        var news = new List<Registered>();
        try
        {
            if ((await OverLimitAsync(session, rules, pipes, results, ct) ?? await OverClaimsAsync(session.Client, pipes, results, ct)) is { } limit)
            {
                return new() { Error = limit, Pipes = results };
            }

            return Refusal(results) ?? await OpenAndRegisterAsync(session, rules, pipes, results, news, ct);
        }
        finally
        {
            _turn.Release();
            foreach (var (entries, replaced, changed) in news)
            {
                // Others' turns do not wait for the other nodes; whoever registers does.
                await _news.RegisteredAsync(session.Id, entries, replaced, changed);
            }
        }
    }

    /// <summary>The public pipes of a client (null: of everybody), of all its sessions, by name.</summary>
    public async Task<IReadOnlyList<PipeInfo>> ListAsync(string? client, CancellationToken ct) =>
        [.. (await _backend.ListAsync(client, ct)).OrderBy(e => e.Name, StringComparer.Ordinal).ThenBy(e => e.Generation).Select(_watches.Info)];

    /// <summary>What would become of registering a name: each gate with its refusal, or null.</summary>
    public async Task<(string Gate, DuplexityError? Error)[]> ExplainAsync(HeldIdentity held, string? wanted, CancellationToken ct)
    {
        var (name, invalid) = _names.Read(new PipeRegistration { Name = wanted, Resource = "http://localhost" });
        if (invalid is not null)
        {
            return [("name", invalid)];
        }

        // Whose a name is concerns those who might have it.
        var scope = Scope(held.Rules, name!);
        var domain = scope is null && _domains.IsForeign(name!) ? await ForeignAsync(held.Client, name!, ct) : null;
        var taken = scope is null && domain is null ? _claims.Problem(held.Client) ?? await TakenAsync(held.Client, name!, ct) : null;
        return [("name", null), ("scope", scope), ("domain", domain), ("owner", taken)];
    }

    private async Task<DuplexityError?> OverLimitAsync(Session session, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, PipeResult[] asked, CancellationToken ct)
    {
        foreach (var name in asked.Zip(pipes).Where(a => a.First.Name is not null && a.Second.Share == true).Select(a => a.First.Name!))
        {
            var others = (await _backend.ReadAllAsync(name, ct)).Count(e => e.IsShared && e.Client == session.Client && e.Session != session.Id);
            if (others >= _options.Limits.SessionsPerPipe)
            {
                return DuplexityError.Of(Errors.TooManyPipes, $"{name} is served by {others} sessions already, which is all there may be.") with { Limit = "sessions_per_pipe", Used = others };
            }
        }

        var there = (await _backend.ListAsync(session.Client, ct)).Where(e => e.Session == session.Id).Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
        var after = there.Count + asked.Count(r => r.Name is null || !there.Contains(r.Name));
        var most = Math.Min(_options.Limits.PipesPerSession, rules.Limits.Pipes ?? int.MaxValue);
        return after <= most
            ? null
            : DuplexityError.Of(Errors.TooManyPipes, $"This session may have {most} pipes at most.") with { Limit = "pipes_per_session", Used = there.Count };
    }

    private async Task<PipesResponse> OpenAndRegisterAsync(
        Session session, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, PipeResult[] results, List<Registered> news, CancellationToken ct)
    {
        var opened = new List<int>();
        try
        {
            for (var i = 0; i < results.Length; i++)
            {
                if (PipePorts.IsPort(results[i].Name!))
                {
                    results[i] = await _ports.OpenAsync(results[i], results, opened, ct);
                }
            }

            if (Refusal(results) is { } refusal)
            {
                return refusal;
            }

            var generation = session.Generation;
            var answer = await RegisterAsync(session, generation, rules, pipes, results, news, ct);
            if (answer.Error is null && _sessions.Find(session.Client, session.Id) != session)
            {
                // It ended while this was under way, perhaps before there was anything to remove.
                var removed = await RemoveUnsynchronizedAsync(session, generation, [.. results.Select(r => r.Name!)], CancellationToken.None);
                news[^1] = new([], [.. news[^1].Replaced, .. removed], []);
                return new() { Error = DuplexityError.Of(Errors.ControlNotEstablished, "The session's control connection was lost meanwhile; nothing is registered.") };
            }

            return answer;
        }
        finally
        {
            await _ports.CloseUnusedAsync(opened);
        }
    }

    private async Task<PipesResponse> RegisterAsync(
        Session session, long generation, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, PipeResult[] results, List<Registered> news, CancellationToken ct)
    {
        for (var draw = 1; ; draw++)
        {
            // Here, where a port that was free and a name that was made up have become known.
            for (var i = 0; i < results.Length; i++)
            {
                var refused = Scope(rules, results[i].Name!) ?? _closed.Problem(session.Client, session.Id, results[i].Name!)
                    ?? await QueueProblemAsync(session.Client, results[i].Name!, pipes[i], ct);
                results[i] = refused is null ? results[i] : results[i] with { Name = null, Error = refused };
            }

            if (Refusal(results) is { } denied)
            {
                return denied;
            }

            var asked = await EntriesAsync(session, generation, pipes, results, ct);
            PipeEntry[] entries = [.. asked.Select(a => a.Entry)];
            var registered = await RegisterAsync(session, generation, entries, ct);
            if (registered.Conflicts.Count == 0)
            {
                foreach (var entry in entries)
                {
                    _tallies.Begin(entry, registered.Replaced.Where(r => r.Name == entry.Name));
                    Log.PipeRegistered(_logger, entry.Name, VisibleText.Of(entry.Client, VisibleText.LogLength), VisibleText.Of(entry.Session, VisibleText.LogLength), generation);
                }

                foreach (var old in registered.Replaced)
                {
                    GiveWay(old, session);
                }

                news.Add(NewsOf(asked, registered.Replaced));
                Mark(news[^1]);
                var isKept = false;
                try
                {
                    if (await _queues.RegisteredAsync(entries, CancellationToken.None) is { } unkept)
                    {
                        return new() { Error = unkept };
                    }

                    isKept = true;
                }
                finally
                {
                    if (!isKept)
                    {
                        news[^1] = await TakeBackAsync(session, generation, asked, news[^1]);
                    }
                }

                return new() { Pipes = [.. results.Zip(entries, (r, e) => r with { Url = e.Url })], Generation = generation };
            }

            for (var i = 0; i < results.Length; i++)
            {
                if (registered.Conflicts.Contains(results[i].Name!))
                {
                    results[i] = string.IsNullOrWhiteSpace(pipes[i].Name) && draw < NameDraws
                        ? results[i] with { Name = Read(session.Client, pipes[i]).Name }
                        : results[i] with { Name = null, Error = await TakenAsync(session.Client, results[i].Name!, ct) ?? Taken(results[i].Name!) };
                }
            }

            if (Refusal(results) is { } refusal)
            {
                return refusal;
            }
        }
    }

    private PipeEntry EntryOf(Session session, long generation, PipeRegistration pipe, string name) => new()
    {
        Name = name,
        Tree = NameTree.Of(name, _url.Domain),
        Client = session.Client,
        Session = session.Id,
        Generation = generation,
        Node = _node.Name,
        Resource = pipe.Resource!,
        HostHeader = pipe.HostHeader ?? "keep",
        Url = UrlOf(pipe, name),
        Since = _time.GetUtcNow(),
        Exchanges = pipe.Exchanges ?? false,
        Settings = pipe,
        Grant = ResourceText.ReadChannel(pipe.Resource) is null ? null : JsonSerializer.Serialize(PipeOwners.GrantOf(session.Identity!)),
    };

    private static PipesResponse? Refusal(PipeResult[] results) =>
        Array.Find(results, r => r.Error is not null) is { } bad ? new() { Error = bad.Error, Pipes = [.. results.Select(r => r with { Name = null })] } : null;
}
