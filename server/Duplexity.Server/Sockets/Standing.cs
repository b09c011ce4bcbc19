using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Sockets;

/// <summary>
/// What stands against clients and tokens: revocations, disabled and removed clients, and blocks after a forced disconnect. The records outlive the process, and are read before the
/// node serves anybody; asking is one look into memory. Thread-safe.
/// </summary>
internal sealed class Standing(IEngine engine, TimeProvider time) : IHostedService, IClientStanding
{
    private const string ClientKind = "revoked-client";
    private const string TombstoneKind = "tombstone";
    private const string TokenKind = "revoked-token";
    private const string KeyKind = "revoked-key";

    /// <summary>How long a single token's revocation is kept: longer than anybody's tokens should live.</summary>
    private static readonly TimeSpan TokenMemory = TimeSpan.FromDays(400);

    /// <summary>How long that of a key or sign-in is kept: it is gone itself, and the last token made for it lives for a day at most.</summary>
    private static readonly TimeSpan KeyMemory = TimeSpan.FromHours(25);

    private readonly ConcurrentDictionary<string, ClientStanding> _clients = new();
    private readonly ConcurrentDictionary<string, byte> _tombstones = new();
    private readonly RevokedIds _tokens = new(time);
    private readonly RevokedIds _keys = new(time);
    private readonly ConcurrentDictionary<(string Client, string? Session), DateTimeOffset> _blocks = new();
    private readonly SemaphoreSlim[] _writing = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var (client, text) in await engine.Records.ListAsync(ClientKind, cancellationToken))
        {
            _clients[client] = JsonSerializer.Deserialize<ClientStanding>(text)!;
        }

        foreach (var (client, _) in await engine.Records.ListAsync(TombstoneKind, cancellationToken))
        {
            _tombstones[client] = 0;
        }

        foreach (var (id, until) in await engine.Records.ListAsync(TokenKind, cancellationToken))
        {
            _tokens.Add(id, Read(until) ?? time.GetUtcNow() + TokenMemory);
        }

        foreach (var (id, until) in await engine.Records.ListAsync(KeyKind, cancellationToken))
        {
            _keys.Add(id, Read(until) ?? time.GetUtcNow() + KeyMemory);
        }
    }

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

        if (!_clients.TryGetValue(client, out var standing))
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
        return _clients.GetValueOrDefault(client)?.Before is { } before && now.ToUnixTimeMilliseconds() <= before.ToUnixTimeMilliseconds() ? before.AddMilliseconds(1) : now;
    }

    /// <summary>Why nothing may be made for a client again; null: it was not removed.</summary>
    public DuplexityError? Removed(string client) => _tombstones.ContainsKey(client)
        ? DuplexityError.Of(Errors.NameTaken, $"{VisibleText.Of(client, Address.MaxClientLength)} was removed, and a removed client's name is never given again: whoever had it next would be taken for it. Choose another name.")
        : null;

    /// <summary>What whoever has just proved to be a client is told where it may not come in; null: it may.</summary>
    public DuplexityError? Out(string client) => Removed(client)
        ?? (_clients.GetValueOrDefault(client) is { IsDisabled: true } ? DuplexityError.Of(Errors.Denied, $"{VisibleText.Of(client, Address.MaxClientLength)} is disabled here; ask the operator.") : null);

    /// <inheritdoc/>
    public bool IsOut(string client) => _tombstones.ContainsKey(client) || _clients.GetValueOrDefault(client) is { IsDisabled: true };

    /// <summary>What a client, or one session of it, is told while it is kept away; null: it is not.</summary>
    public DuplexityError? Block(string client, string? session)
    {
        var ofClient = Find(client, null);
        var ofSession = session is null ? null : Find(client, session);
        return (ofClient > ofSession ? ofClient : ofSession ?? ofClient) is { } until
            ? DuplexityError.Of(Errors.Denied, "This client was disconnected by force and is kept away for a while.") with { RetryAfterMs = (long)(until - time.GetUtcNow()).TotalMilliseconds + 1 }
            : null;
    }

    /// <summary>Tokens of a client that were issued up to now, or up to <paramref name="before"/>, end.</summary>
    public ValueTask RevokeClientAsync(string client, DateTimeOffset before, CancellationToken ct) =>
        ChangeAsync(client, there => there with { Before = there.Before > before ? there.Before : before }, ct);

    /// <summary>Disables a client or enables it; its tokens of before are over either way.</summary>
    public ValueTask DisableClientAsync(string client, bool isDisabled, CancellationToken ct)
    {
        var now = GivenNow(client);
        return ChangeAsync(client, there => isDisabled ? there with { IsDisabled = true, Before = now } : there with { IsDisabled = false }, ct);
    }

    /// <summary>A client is gone and its name is never given again. There is no way back.</summary>
    public async ValueTask RemoveClientAsync(string client, CancellationToken ct)
    {
        // In memory first, as below.
        _tombstones[client] = 0;
        await engine.Records.TryAddAsync(TombstoneKind, client, time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture), null, ct);
    }

    /// <summary>One token ends, which would have ended at <paramref name="expiresAt"/> (null: it is not known).</summary>
    public async ValueTask RevokeTokenAsync(string tokenId, DateTimeOffset? expiresAt, CancellationToken ct)
    {
        var until = expiresAt ?? time.GetUtcNow() + TokenMemory;

        // In memory first, as below.
        _tokens.Add(tokenId, until);
        await engine.Records.PutAsync(TokenKind, tokenId, Written(until), until, ct);
    }

    /// <summary>All tokens end that were made for an API key or by a sign-in.</summary>
    public async ValueTask RevokeKeyAsync(string keyId, CancellationToken ct)
    {
        var until = time.GetUtcNow() + KeyMemory;
        _keys.Add(keyId, until);
        await engine.Records.PutAsync(KeyKind, keyId, Written(until), until, ct);
    }

    /// <summary>Keeps a client, or one session of it, away for a time (G21). Kept by this process: a block is minutes, a restart ends it.</summary>
    public void KeepAway(string client, string? session, TimeSpan duration)
    {
        foreach (var (key, until) in _blocks)
        {
            if (until <= time.GetUtcNow())
            {
                _blocks.TryRemove(key, out _);
            }
        }

        _blocks[(client, session)] = time.GetUtcNow() + duration;
    }

    private static string Written(DateTimeOffset until) => until.ToString("O", CultureInfo.InvariantCulture);

    private static DateTimeOffset? Read(string until) => DateTimeOffset.TryParse(until, CultureInfo.InvariantCulture, out var read) ? read : null;

    private DateTimeOffset? Find(string client, string? session) =>
        _blocks.TryGetValue((client, session), out var until) && until > time.GetUtcNow() ? until : null;

    private async ValueTask ChangeAsync(string client, Func<ClientStanding, ClientStanding> change, CancellationToken ct)
    {
        // In memory first: from here on it is refused, and if the store fails the caller is told so and the refusal stands until a restart.
        _clients.AddOrUpdate(client, _ => change(new(null, false)), (_, there) => change(there));

        // Written one after the other, each as it is then: of two changes at once neither puts back on the disk what the other has taken.
        var turn = _writing[(uint)client.GetHashCode(StringComparison.Ordinal) % _writing.Length];
        await turn.WaitAsync(ct);
        try
        {
            await engine.Records.PutAsync(ClientKind, client, JsonSerializer.Serialize(_clients[client]), null, ct);
        }
        finally
        {
            turn.Release();
        }
    }

    private sealed record ClientStanding(DateTimeOffset? Before, bool IsDisabled);
}
