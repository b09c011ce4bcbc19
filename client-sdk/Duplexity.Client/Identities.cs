using System.Collections;
using System.Collections.Immutable;
using Duplexity.Links;
using Duplexity.Protocol;
using Microsoft.Extensions.Logging;

namespace Duplexity;

/// <summary>A client as a connection holds it. Immutable.</summary>
/// <param name="Client">The CID.</param>
/// <param name="ExpiresAt">When it falls off unless it is renewed; null: never.</param>
/// <param name="Allowances">What it may do from this connection's socket.</param>
public sealed record Identity(string Client, DateTimeOffset? ExpiresAt, Allowances Allowances);

/// <summary>
/// The clients that one connection holds: its own, and those that were added by tokens of theirs, for messages and, once the control connection is open, for pipes and administration alike. Added
/// ones come back after every reconnect, and are renewed from their source when the server says that they end soon. One that cannot be renewed falls off alone. Thread-safe.
/// </summary>
public sealed class Identities : IReadOnlyCollection<Identity>
{
    private readonly DuplexityConnection _connection;
    private readonly Calls<DataLink> _data;
    private readonly ControlIdentities _control;
    private readonly ILogger _logger;
    private ImmutableDictionary<string, Func<CancellationToken, ValueTask<string?>>> _added = ImmutableDictionary<string, Func<CancellationToken, ValueTask<string?>>>.Empty;
    private ImmutableList<Identity> _held = [];
    private string? _primary;

    internal Identities(DuplexityConnection connection, Calls<DataLink> data, ControlIdentities control, ILogger logger)
    {
        (_connection, _data, _control, _logger) = (connection, data, control, logger);
        control.SourceOf = client => _added.GetValueOrDefault(client);
    }

    /// <summary>Raised when one was added, renewed or has fallen off; on the thread that read it from the connection: be brief. An exception is logged.</summary>
    public event Action<IdentitiesChangedEvent>? Changed;

    /// <summary>Raised when the clients that are held have changed, or what they may do.</summary>
    internal event Action? HeldChanged;

    /// <inheritdoc/>
    public int Count => _held.Count;

    /// <summary>The client that all calls act as where they name none: the connection's own, until another one is named.</summary>
    public string Primary => _primary ?? _connection.Client;

    /// <summary>Adds the client of a token. It falls off when the token ends; see the other overload.</summary>
    /// <exception cref="DuplexityException">The token was refused, which changes nothing; or there was no answer in time.</exception>
    public Task<Identity> AddAsync(string token, CancellationToken ct = default) => AddAsync(_ => ValueTask.FromResult<string?>(token), ct);

    /// <summary>Adds the client of a source of tokens, which is asked again before each token's end and after each reconnect. It must always be the same client's.</summary>
    /// <exception cref="DuplexityException">The token was refused, which changes nothing; or there was no answer in time.</exception>
    public async Task<Identity> AddAsync(Func<CancellationToken, ValueTask<string?>> token, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(token);
        var value = await token(ct).ConfigureAwait(false);
        var (_, answer) = await _data.AskAsync(d => d.Hub.Authenticate(new AuthenticateRequest { Token = value }), ct).ConfigureAwait(false);
        var identity = Keep(answer.Identity!);
        ImmutableInterlocked.Update(ref _added, added => added.SetItem(identity.Client, token));
        try
        {
            await _control.AddAsync(identity.Client, value, ct).ConfigureAwait(false);
            return identity;
        }
        catch (DuplexityException)
        {
            // Refused on one connection, it is held on neither.
            await LetGoAsync(identity.Client, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes a client off, with its rooms, its pipes and whatever else it has here.</summary>
    /// <exception cref="InvalidOperationException">It is the connection's own; dispose the connection instead.</exception>
    /// <exception cref="DuplexityException">It is not held, or there was no answer in time.</exception>
    public async Task DropAsync(string client, CancellationToken ct = default)
    {
        if (client == _connection.Client)
        {
            throw new InvalidOperationException($"{VisibleText.Of(client)} is the connection's own client; dispose the connection instead.");
        }

        await LetGoAsync(client, ct).ConfigureAwait(false);
    }

    /// <summary>Names the client that all calls act as from now on where they name none. Nothing is asked of the server: every request names its client.</summary>
    /// <exception cref="InvalidOperationException">It is not held.</exception>
    public void SetPrimary(string client)
    {
        if (!_held.Any(i => i.Client == client))
        {
            throw new InvalidOperationException($"This connection does not hold {VisibleText.Of(client)}; add it first.");
        }

        _primary = client;
    }

    /// <inheritdoc/>
    public IEnumerator<Identity> GetEnumerator() => _held.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>A fresh link holds its own client alone: the others are added before anything is joined as them.</summary>
    internal async Task RestoreAsync(DataLink link, IdentityInfo[]? own, CancellationToken ct)
    {
        _held = [.. (own ?? []).Select(Of)];
        HeldChanged?.Invoke();
        foreach (var (client, token) in _added)
        {
            DuplexityError? refused;
            try
            {
                var answer = await link.Hub.Authenticate(new AuthenticateRequest { Token = await token(ct).ConfigureAwait(false) }).WaitAsync(ct).ConfigureAwait(false);
                refused = answer.Error;
                if (answer.Identity is { } identity)
                {
                    Keep(identity);
                }
            }
            catch (DuplexityException e)
            {
                refused = e.Error;
            }

            // What passes is tried again with the next reconnect; who is refused is gone, alone.
            if (refused is { Kind: not "unavailable" })
            {
                ImmutableInterlocked.Update(ref _added, added => added.Remove(client));
                Forget(client);
                Tell(new IdentitiesChangedEvent { Clients = [.. _held.Select(i => i.Client)], Client = client, Change = IdentityChange.Dropped, Reason = refused.Sentence });
            }
        }
    }

    /// <summary>As the other one, on a fresh control connection.</summary>
    internal Task RestoreAsync(ControlLink link, CancellationToken ct) => _control.RestoreAsync(link, _added.Keys, ct);

    /// <summary>The server says that a client ends soon.</summary>
    internal async Task RenewAsync(DataLink link, string client)
    {
        if (await RenewAsync(link.Client, client, link.Hub.Refresh).ConfigureAwait(false) is { } renewed)
        {
            Keep(renewed);
        }
    }

    /// <summary>As the other one, on the control connection.</summary>
    internal Task RenewAsync(ControlLink link, string client) => RenewAsync(link.Client, client, link.Hub.Refresh);

    /// <summary>What the server tells of the control connection's clients.</summary>
    internal void Apply(ControlLink link, IdentitiesChangedEvent changed) => _control.Apply(link, changed);

    /// <summary>Where the tokens of a client come from; null: it is not held, or has none.</summary>
    internal Func<CancellationToken, ValueTask<string?>>? SourceOf(string? client) =>
        client is null || client == _connection.Client ? _connection.Options.Token : _added.GetValueOrDefault(client);

    /// <summary>What the server tells of the identities.</summary>
    internal void Apply(IdentitiesChangedEvent changed)
    {
        if (!changed.Clients.Contains(changed.Client))
        {
            ImmutableInterlocked.Update(ref _added, added => added.Remove(changed.Client));
            Forget(changed.Client);

            // Taken off one connection, it has no business on the other. Not awaited: the answer may come through the loop that calls this.
            _ = _control.DropAsync(changed.Client);
        }

        Tell(changed);
    }

    /// <summary>What a client may do has changed.</summary>
    internal void Apply(AllowancesChangedEvent changed)
    {
        ImmutableInterlocked.Update(ref _held, held => held.Find(i => i.Client == changed.Client) is { } there ? held.Replace(there, there with { Allowances = changed.Allowances }) : held);
        HeldChanged?.Invoke();
    }

    private async Task<IdentityInfo?> RenewAsync(string own, string client, Func<RefreshRequest, Task<IdentityResponse>> refresh)
    {
        if ((client == own ? _connection.Options.Token : _added.GetValueOrDefault(client)) is not { } source)
        {
            return null;
        }

        try
        {
            return await source(CancellationToken.None).ConfigureAwait(false) is { } token ? (await refresh(new RefreshRequest { As = client, Token = token }).ConfigureAwait(false)).Identity : null;
        }
        catch (Exception e)
        {
            // It ends when its token does; a connection's own comes back with a new one then.
            Diagnostics.Log.IdentityNotRenewed(_logger, VisibleText.Of(client, VisibleText.LogLength), e);
            return null;
        }
    }

    // Its pipes first: they are what others see of it.
    private async Task LetGoAsync(string client, CancellationToken ct)
    {
        ImmutableInterlocked.Update(ref _added, added => added.Remove(client));
        await _control.DropAsync(client).ConfigureAwait(false);
        await _data.AskAsync(d => d.Hub.Drop(new DropRequest { Client = client }), ct).ConfigureAwait(false);
        Forget(client);
    }

    private static Identity Of(IdentityInfo info) => new(info.Client, info.ExpiresAt is { } end ? DateTimeOffset.FromUnixTimeMilliseconds(end) : null, info.Allowances);

    private Identity Keep(IdentityInfo info)
    {
        var identity = Of(info);
        ImmutableInterlocked.Update(ref _held, held => held.Find(i => i.Client == identity.Client) is { } there ? held.Replace(there, identity) : held.Add(identity));
        HeldChanged?.Invoke();
        return identity;
    }

    private void Forget(string client)
    {
        ImmutableInterlocked.Update(ref _held, held => held.RemoveAll(i => i.Client == client));
        _primary = _primary == client ? null : _primary;
        HeldChanged?.Invoke();
    }

    private void Tell(IdentitiesChangedEvent changed)
    {
        try
        {
            Changed?.Invoke(changed);
        }
        catch (Exception e)
        {
            Diagnostics.Log.IdentityHandlerFailed(_logger, e);
        }
    }
}
