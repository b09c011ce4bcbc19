using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>Reserves names for clients and lets go of them. What a removed client had rests like what it would have released. Thread-safe.</summary>
internal sealed class Reservations(
    NameBook book, NameClaims claims, PipeNames names, PipeUrl url, DomainProofs domains, PublicPipes pipes, QueueNames queues, BackendRegistry backend, IOptions<DuplexityOptions> options, ILogger<Reservations> logger) : IBelongings
{
    /// <summary>Keeps a name, and what is below it, for a client; the client's own already is no error.</summary>
    public async Task<(ReservedName? Name, DuplexityError? Error)> ReserveAsync(string client, AllowanceRules rules, string? asked, CancellationToken ct)
    {
        var (read, invalid) = Read(asked);
        if (invalid is not null)
        {
            return (null, invalid);
        }

        var name = read!;
        if (book.Find(name) is { FreeAt: null } own && own.Owner == client)
        {
            return (own, null);
        }

        if ((pipes.Scope(rules, name) ?? claims.Problem(client)) is { } denied)
        {
            return (null, denied);
        }

        if (await domains.ProblemAsync(client, name, ct) is { } foreign)
        {
            if (foreign.Gate == DomainProofs.Gate)
            {
                claims.Refused(client);
            }

            return (null, foreign);
        }

        await pipes.SettleDomainAsync(client, name, ct);
        var count = book.List(client).Count(n => n.FreeAt is null);
        if (count >= options.Value.Limits.NamesPerClient)
        {
            return (null, DuplexityError.Of(Errors.RateLimited, $"A client reserves at most {options.Value.Limits.NamesPerClient} names; release one first.") with { Limit = "names_per_client", Used = count });
        }

        var isAnothers = await IsAnothersAsync(client, name, ct) && !(await pipes.CloseUnprovenAsync(client, [name], ct) && !await IsAnothersAsync(client, name, ct));
        if (isAnothers || !await book.TryReserveAsync(client, name, ct))
        {
            return (null, Taken(client, name));
        }

        if (await IsAnothersAsync(client, name, ct))
        {
            // Registered in this very moment, on a node that had not heard of it yet.
            await book.ReleaseAsync(client, name, rests: false, CancellationToken.None);
            return (null, Taken(client, name));
        }

        Log.NameReserved(logger, name, VisibleText.Of(client, VisibleText.LogLength));
        return (book.Find(name), null);
    }

    /// <summary>Lets go of a name whose owner <paramref name="may"/> covers; false where there is none, and the caller tells nobody which.</summary>
    public async Task<bool> ReleaseAsync(string by, string? asked, Func<string, bool> may, CancellationToken ct)
    {
        if (Read(asked).Name is not { } name || book.Find(name) is not { FreeAt: null } there || !may(there.Owner) || !await book.ReleaseAsync(there.Owner, name, rests: true, ct))
        {
            return false;
        }

        Log.NameReleased(logger, name, VisibleText.Of(there.Owner, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength));
        return true;
    }

    /// <summary>What a client (null: everybody) has reserved, by name, what rests included.</summary>
    public IReadOnlyList<ReservedName> List(string? client) => book.List(client);

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        foreach (var name in book.List(client).Where(n => n.FreeAt is null))
        {
            await book.ReleaseAsync(client, name.Name, rests: true, ct);
        }
    }

    private (string? Name, DuplexityError? Error) Read(string? asked)
    {
        if (string.IsNullOrWhiteSpace(asked) || asked.Length > Wire.MaxNameLength * 2 || asked.StartsWith(':'))
        {
            return (null, DuplexityError.Of(Errors.InvalidRequest, "name is a label such as cat1, or a hostname of your own such as cat1.example.com."));
        }

        var (name, error) = names.ReadHost(asked.Trim());
        if (error is not null)
        {
            return (null, error);
        }

        var root = NameTree.RootOf(name!);
        return root == url.Domain || (url.Covers(root) && root != $"{url.LabelOf(root)}.{url.Domain}")
            ? (null, DuplexityError.Of(Errors.InvalidPipe, $"'{VisibleText.Of(asked, 128)}' cannot be reserved: reserve the label right before {url.Domain}, and what is below it is kept as well."))
            : (root, null);
    }

    private async ValueTask<bool> IsAnothersAsync(string client, string name, CancellationToken ct) =>
        book.IsAnothers(client, name) || await queues.IsAnothersAsync(client, name, ct) || (await backend.RelatedAsync(name, NameTree.Of(name, url.Domain), ct)).Any(e => e.Client != client);

    private DuplexityError Taken(string client, string name)
    {
        claims.Refused(client);
        return DuplexityError.Of(Errors.NameTaken, $"{name} belongs to another client.");
    }
}
