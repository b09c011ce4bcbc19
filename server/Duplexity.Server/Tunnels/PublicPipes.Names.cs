using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Server.Tunnels.Names;

namespace Duplexity.Server.Tunnels;

/// <content>Whose names are: reserved ones, domains beside the server's own, and how often a client may ask for what is another's.</content>
internal sealed partial class PublicPipes
{
    /// <summary>Whether a client with these rules may register a name as <see cref="PipeNames"/> reads it; null: it may.</summary>
    public DuplexityError? Scope(AllowanceRules rules, string name)
    {
        if (NameTree.RootOf(name) == _url.Domain)
        {
            return rules.MayAdministerAll ? null : DuplexityError.Of(Errors.Denied, $"{name} stands behind the names of all clients, and is an administrator's.") with { Gate = "scope" };
        }

        // Whoever may have a label under the domain may have what is below it, and nobody else.
        var label = PrivateNames.IsPrivate(name) ? PrivateNames.LabelOf(name) : _url.LabelOf(name);
        if (rules.MayPublish(label is null || PrivateNames.IsPrivate(name) ? name : $"{label}.{_url.Domain}", label))
        {
            return null;
        }

        var sentence = rules.Shown.Publish is { Length: > 0 }
            ? ScopeGate.Uncovered("publish", rules.Shown.Publish, name)
            : "This client may not publish pipes; the operator allows it by Duplexity:Pipes:Publish or by its role's allowances.";
        return DuplexityError.Of(Errors.Denied, sentence) with { Gate = "scope" };
    }

    private PipeResult[] Read(string client, IReadOnlyList<PipeRegistration> pipes)
    {
        var results = new PipeResult[pipes.Count];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < results.Length; i++)
        {
            var (name, error) = Read(client, pipes[i]);
            if (error is null && name != PipeNames.AnyPort && !seen.Add(name!))
            {
                error = DuplexityError.Of(Errors.InvalidPipe, $"'{name}' is asked for twice.");
            }

            results[i] = new() { Requested = pipes[i].Name, Name = error is null ? name : null, Error = error };
        }

        return results;
    }

    private (string? Name, DuplexityError? Error) Read(string client, PipeRegistration pipe)
    {
        if (pipe.Private == true)
        {
            var (own, wrong) = PrivateNames.Read(pipe, client, _names.MadeUp);
            return (own, wrong ?? PipeSettings.Problem(pipe) ?? VisitorAllotments.Problem(pipe.Limits));
        }

        var (name, error) = _names.Read(pipe);
        return (name, error ?? PipeSettings.Problem(pipe) ?? _rules.Problem(pipe, isRaw: PipePorts.IsPort(name!) || ResourceText.IsTls(pipe.Resource)));
    }

    /// <summary>The DNS is asked before the turn begins, and not for those who may not have the name anyway.</summary>
    private async Task<PipeResult[]> ReadAsync(string client, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, CancellationToken ct)
    {
        var results = Read(client, pipes);
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i].Name is not { } name || PrivateNames.IsPrivate(name) || !_domains.IsForeign(name))
            {
                continue;
            }

            if ((Scope(rules, name) ?? await ForeignAsync(client, name, ct)) is { } refused)
            {
                results[i] = results[i] with { Name = null, Error = refused };
            }
            else
            {
                await SettleDomainAsync(client, name, ct);
            }
        }

        return results;
    }

    private async ValueTask<DuplexityError?> ForeignAsync(string client, string name, CancellationToken ct)
    {
        var refused = _claims.Problem(client) ?? await _domains.ProblemAsync(client, name, ct);
        if (refused?.Gate == DomainProofs.Gate)
        {
            // Each costs a question to the DNS, which whoever asks has chosen.
            _claims.Refused(client);
        }

        return refused;
    }

    /// <summary>Who has a domain now, by the DNS or the operator's word, goes before those who kept it and have it no more: what they have reserved there and what waits for them there is over.</summary>
    public async ValueTask SettleDomainAsync(string client, string name, CancellationToken ct)
    {
        if (!_domains.IsForeign(name))
        {
            return;
        }

        foreach (var other in _book.Others(client, name).ToArray())
        {
            if (await _domains.IsGoneAsync(other.Owner, other.Name, ct))
            {
                Log.ReservationLost(_logger, other.Name, VisibleText.Of(other.Owner, VisibleText.LogLength), VisibleText.Of(client, VisibleText.LogLength));
                await _book.ForgetAsync(other, CancellationToken.None);
            }
        }

        await _queues.YieldAsync(client, name, (owner, kept) => _domains.IsGoneAsync(owner, kept, ct), ct);
    }

    /// <summary>The same for what others serve at, above or below domains that are the client's now; true: something was closed. For when a name was found taken, as it is no small question.</summary>
    public async Task<bool> CloseUnprovenAsync(string client, IReadOnlyList<string> names, CancellationToken ct)
    {
        var isClosed = false;
        foreach (var name in names.Where(_domains.IsForeign))
        {
            foreach (var other in (await _backend.RelatedAsync(name, NameTree.Of(name, _url.Domain), ct)).Where(e => e.Client != client).DistinctBy(e => e.Name))
            {
                if (await _domains.ProblemAsync(client, name, ct) is null && await _domains.IsGoneAsync(other.Client, other.Name, ct))
                {
                    Log.ProofLost(_logger, other.Name, VisibleText.Of(other.Client, VisibleText.LogLength));
                    isClosed |= await CloseAsync(other.Name, owner => owner == other.Client, DomainProofs.Lost(other.Name), "the service", null, ct);
                }
            }
        }

        return isClosed;
    }

    private async Task<DuplexityError?> OverClaimsAsync(string client, IReadOnlyList<PipeRegistration> pipes, PipeResult[] results, CancellationToken ct)
    {
        if (_claims.Problem(client) is not { } refused)
        {
            return null;
        }

        var own = (await _backend.ListAsync(client, ct)).Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
        return results.Zip(pipes).Any(r => r.First.Name is { } name && name != PipeNames.AnyPort && !PrivateNames.IsPrivate(name) && !string.IsNullOrWhiteSpace(r.Second.Name) && !own.Contains(name) && _book.Over(NameTree.RootOf(name))?.Owner != client)
            ? refused
            : null;
    }

    /// <summary>Whether a name is another client's, or above or below such a one; asking is counted.</summary>
    private async ValueTask<DuplexityError?> TakenAsync(string client, string name, CancellationToken ct)
    {
        if (!_book.IsAnothers(client, name) && !await _queues.IsAnothersAsync(client, name, ct) && !(await _backend.RelatedAsync(name, NameTree.Of(name, _url.Domain), ct)).Any(e => e.Client != client))
        {
            return null;
        }

        _claims.Refused(client);
        return Taken(name);
    }

    /// <summary>Why queues keep a client from a name; null: they do not. Asking for another's is counted.</summary>
    private async ValueTask<DuplexityError?> QueueProblemAsync(string client, string name, PipeRegistration pipe, CancellationToken ct)
    {
        if (!await _queues.IsAnothersAsync(client, name, ct))
        {
            return await _queues.ProblemAsync(client, name, pipe, ct);
        }

        _claims.Refused(client);
        return Taken(name);
    }

    private static DuplexityError Taken(string name) => DuplexityError.Of(Errors.NameTaken, $"{name} belongs to another client, or to a newer session of yours.");

    /// <summary>Registers at the backend what nobody else keeps.</summary>
    private async Task<RegisterResult> RegisterAsync(Session session, long generation, PipeEntry[] entries, CancellationToken ct)
    {
        if (Kept(session.Client, entries) is { Length: > 0 } kept)
        {
            return new(kept, []);
        }

        var registered = await _backend.RegisterAsync(entries, ct);
        if (registered.Conflicts.Count == 0 && Kept(session.Client, entries) is { Length: > 0 } meanwhile)
        {
            // Reserved in this very moment: who reserves looks after writing it down, and may have looked before this was registered.
            await _backend.RemoveAsync(session.Client, session.Id, generation, [.. entries.Select(e => e.Name)], CancellationToken.None);
            return new(meanwhile, []);
        }

        return registered;
    }

    private string[] Kept(string client, PipeEntry[] entries) => [.. entries.Select(e => e.Name).Where(n => _book.IsAnothers(client, n))];

    private string UrlOf(PipeRegistration pipe, string name) =>
        PrivateNames.IsPrivate(name) ? PrivateNames.UrlOf(name)
        : PipePorts.IsPort(name) ? $"tcp://{_options.Url?.Host ?? _url.Domain}{name}"
        : ResourceText.IsTls(pipe.Resource!) ? $"https://{name}:{_options.Pipes.TlsPort}/"
        : _url.Of(name);
}
