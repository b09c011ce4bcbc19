using System.Collections.Concurrent;
using System.Globalization;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Sockets;

/// <summary>
/// What stands against clients and tokens: revocations, disabled and removed clients, and blocks after a forced disconnect. The records outlive the process, and are read before the
/// node serves anybody; asking is one look into memory. Thread-safe.
/// </summary>
internal sealed class Standing(IEngine engine, Blocks blocks, TimeProvider time) : IHostedService, IClientStanding
{
    /// <summary>How long a single token's revocation is kept: longer than anybody's tokens should live.</summary>
    private static readonly TimeSpan TokenMemory = TimeSpan.FromDays(400);

    /// <summary>How long that of a key or sign-in is kept: it is gone itself, and the last token made for it lives for a day at most.</summary>
    private static readonly TimeSpan KeyMemory = TimeSpan.FromHours(25);

    private readonly ClientStandings _clients = new(engine.Records);
    private readonly ConcurrentDictionary<string, byte> _tombstones = new();
    private readonly RevokedIds _tokens = new(time);
    private readonly RevokedIds _keys = new(time);

    public async Task StartAsync(CancellationToken cancellationToken) => await ReadAllAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What stands against an identity, in words for the log; null: nothing.</summary>
    public string? Problem(Identity identity) => Problem(identity.Client, identity.IssuedAt)
        ?? (identity.TokenId is { } token && _tokens.Contains(token) ? "it is revoked"
            : identity.KeyId is { } key && _keys.Contains(key) ? "the sign-in or key that it is from is revoked"
            : null);

    /// <summary>What stands against a credential of a client that was given at a time (null: it does not say when); null: nothing.</summary>
    public string? Problem(string client, DateTimeOffset? givenAt)
    {
        if (_tombstones.ContainsKey(client))
        {
            return "its client was removed";
        }

        if (_clients.Find(client) is not { } standing)
        {
            return null;
        }

        if (standing.IsDisabled)
        {
            return "its client is disabled";
        }

        // One that counts whole seconds says the first moment at which it can have been given, so in the second of a revocation it is taken for old; so is one that does not say.
        return standing.Before is { } before && (givenAt is not { } given || given.ToUnixTimeMilliseconds() <= before.ToUnixTimeMilliseconds())
            ? "its client's tokens up to then are revoked"
            : null;
    }

    /// <summary>
    /// What a credential that this node gives to a client now is to say as its time: now, or where the client's tokens were revoked in this very millisecond, the next one. So nothing that was given
    /// before a revocation is good, and everything that is given after it. A revocation up to now takes this time as well: nothing that was given says a later one.
    /// </summary>
    public DateTimeOffset GivenNow(string client)
    {
        var now = time.GetUtcNow();
        return _clients.Find(client)?.Before is { } before && now.ToUnixTimeMilliseconds() <= before.ToUnixTimeMilliseconds() ? before.AddMilliseconds(1) : now;
    }

    /// <summary>Why nothing may be made for a client again; null: it was not removed.</summary>
    public DuplexityError? Removed(string client) => _tombstones.ContainsKey(client)
        ? DuplexityError.Of(Errors.NameTaken, $"{VisibleText.Of(client, Address.MaxClientLength)} was removed, and a removed client's name is never given again: whoever had it next would be taken for it. Choose another name.")
        : null;

    /// <summary>What whoever has just proved to be a client is told where it may not come in; null: it may.</summary>
    public DuplexityError? Out(string client) => Removed(client)
        ?? (_clients.Find(client) is { IsDisabled: true } ? DuplexityError.Of(Errors.Denied, $"{VisibleText.Of(client, Address.MaxClientLength)} is disabled here; ask the operator.") : null);

    /// <inheritdoc/>
    public bool IsOut(string client) => _tombstones.ContainsKey(client) || _clients.Find(client) is { IsDisabled: true };

    /// <summary>What a client, or one session of it, is told while it is kept away; null: it is not.</summary>
    public DuplexityError? Block(string client, string? session) => blocks.Find(client, session);

    /// <summary>Tokens of a client that were issued up to <paramref name="before"/> end.</summary>
    public async Task<StandingChange> RevokeClientAsync(string client, DateTimeOffset before, CancellationToken ct)
    {
        await _clients.ChangeAsync(client, new(before), ct);
        return new(StandingChange.Client, client);
    }

    /// <summary>Disables a client or enables it; its tokens of before are over either way.</summary>
    public async Task<StandingChange> DisableClientAsync(string client, bool isDisabled, CancellationToken ct)
    {
        await _clients.ChangeAsync(client, new(isDisabled ? GivenNow(client) : null, isDisabled), ct);
        return new(StandingChange.Client, client);
    }

    /// <summary>A client is gone and its name is never given again. There is no way back.</summary>
    public async Task<StandingChange> RemoveClientAsync(string client, CancellationToken ct)
    {
        // In memory first: from here on it is refused, and if the store fails the caller is told so and the refusal stands until a restart.
        _tombstones[client] = 0;
        await engine.Records.TryAddAsync(StandingChange.Tombstone, client, Written(time.GetUtcNow()), null, ct);
        return new(StandingChange.Tombstone, client);
    }

    /// <summary>One token ends, which would have ended at <paramref name="expiresAt"/> (null: it is not known).</summary>
    public Task<StandingChange> RevokeTokenAsync(string tokenId, DateTimeOffset? expiresAt, CancellationToken ct) =>
        RevokeAsync(_tokens, new(StandingChange.Token, tokenId, expiresAt ?? time.GetUtcNow() + TokenMemory), ct);

    /// <summary>All tokens end that were made for an API key or by a sign-in.</summary>
    public Task<StandingChange> RevokeKeyAsync(string keyId, CancellationToken ct) => RevokeAsync(_keys, new(StandingChange.SignInOrKey, keyId, time.GetUtcNow() + KeyMemory), ct);

    /// <summary>A node has changed something; the records have it.</summary>
    public async Task HearAsync(StandingChange change)
    {
        switch (change.What)
        {
            case StandingChange.Client:
                await _clients.ReadAsync(change.Key, default);
                break;
            case StandingChange.Tombstone:
                _tombstones[change.Key] = 0;
                break;
            case StandingChange.Token when change.Until is { } until:
                _tokens.Add(change.Key, until);
                break;
            case StandingChange.SignInOrKey when change.Until is { } until:
                _keys.Add(change.Key, until);
                break;
        }
    }

    /// <summary>Reads everything that is written.</summary>
    public async Task ReadAllAsync(CancellationToken ct)
    {
        await _clients.ReadAllAsync(ct);
        foreach (var (client, _) in await engine.Records.ListAsync(StandingChange.Tombstone, ct))
        {
            _tombstones[client] = 0;
        }

        foreach (var (id, until) in await engine.Records.ListAsync(StandingChange.Token, ct))
        {
            _tokens.Add(id, Read(until) ?? time.GetUtcNow() + TokenMemory);
        }

        foreach (var (id, until) in await engine.Records.ListAsync(StandingChange.SignInOrKey, ct))
        {
            _keys.Add(id, Read(until) ?? time.GetUtcNow() + KeyMemory);
        }

        await blocks.RereadAsync();
    }

    private static string Written(DateTimeOffset until) => until.ToString("O", CultureInfo.InvariantCulture);

    private static DateTimeOffset? Read(string until) => DateTimeOffset.TryParse(until, CultureInfo.InvariantCulture, out var read) ? read : null;

    private async Task<StandingChange> RevokeAsync(RevokedIds ids, StandingChange change, CancellationToken ct)
    {
        var until = change.Until!.Value;

        // In memory first, as above.
        ids.Add(change.Key, until);
        await engine.Records.PutAsync(change.What, change.Key, Written(until), until, ct);
        return change;
    }
}
