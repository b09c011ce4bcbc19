using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Names;

namespace Duplexity.Server.Tunnels;

/// <content>Whose names are: reserved ones, domains beside the server's own, and how often a client may ask for what is another's.</content>
internal sealed partial class PublicPipes
{
    /// <summary>The DNS is asked before the turn begins, and not for those who may not have the name anyway.</summary>
    private async Task<PipeResult[]> ReadAsync(string client, AllowanceRules rules, IReadOnlyList<PipeRegistration> pipes, CancellationToken ct)
    {
        var results = Read(pipes);
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i].Name is { } name && _domains.IsForeign(name) && (Scope(rules, name) ?? await ForeignAsync(client, name, ct)) is { } refused)
            {
                results[i] = results[i] with { Name = null, Error = refused };
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

    private async Task<DuplexityError?> OverClaimsAsync(string client, IReadOnlyList<PipeRegistration> pipes, PipeResult[] results, CancellationToken ct)
    {
        if (_claims.Problem(client) is not { } refused)
        {
            return null;
        }

        var own = (await _backend.ListAsync(client, ct)).Select(e => e.Name).ToHashSet(StringComparer.Ordinal);
        return results.Zip(pipes).Any(r => r.First.Name is { } name && name != PipeNames.AnyPort && !string.IsNullOrWhiteSpace(r.Second.Name) && !own.Contains(name) && _book.Over(NameTree.RootOf(name))?.Owner != client)
            ? refused
            : null;
    }

    /// <summary>Whether a name is another client's, or above or below such a one; asking is counted.</summary>
    private async ValueTask<DuplexityError?> TakenAsync(string client, string name, CancellationToken ct)
    {
        if (!_book.IsAnothers(client, name) && !(await _backend.RelatedAsync(name, NameTree.Of(name, _url.Domain), ct)).Any(e => e.Client != client))
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
}
