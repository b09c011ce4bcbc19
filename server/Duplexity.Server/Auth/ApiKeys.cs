using System.Collections.Concurrent;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Credentials for machines: each is one client's, is shown once and stored as a hash, and can do no more than whoever made it could. Removing one revokes its tokens at once. Thread-safe.
/// </summary>
internal sealed class ApiKeys(
    IEngine engine, OwnKeys own, AllowanceResolver resolver, AccessTokens tokens, Standing standing, Revocations revocations, TimeProvider time, IOptions<DuplexityOptions> options,
    ILogger<ApiKeys> logger) : IBelongings
{
    private const string Kind = "api-key";
    private const string Prefix = "dxk_";
    private const string IdPrefix = "key-";

    /// <summary>How long a key that was good is not read again: the store is one for all. What stands against it is asked each time.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, (Stored Key, DateTimeOffset Until)> _good = new();

    // Adding looks at what is there: one at a time.
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Whether what a token was made for is a key, and not a sign-in.</summary>
    public static bool IsKey(string id) => id.StartsWith(IdPrefix, StringComparison.Ordinal);

    /// <summary>Whether a bearer's credential is meant to be a key.</summary>
    public static bool LooksLikeKey(string text) => text.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Makes a key of <paramref name="client"/>; the name is the client's own.</summary>
    public async Task<(ApiKeyInfo? Key, DuplexityError? Error)> AddAsync(string client, string? name, Allowances allowances, string by, CancellationToken ct)
    {
        if (name is not { Length: > 0 and <= 64 } || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            return (null, DuplexityError.Of(Errors.InvalidRequest, "A key's name has 1 to 64 letters, digits, hyphens, underscores or dots."));
        }

        await _turn.WaitAsync(ct);
        try
        {
            if (standing.Removed(client) is { } removed)
            {
                return (null, removed);
            }

            var own = await ListAsync(client, ct);
            if (own.Any(k => k.Name == name))
            {
                return (null, DuplexityError.Of(Errors.NameTaken, $"There is a key \"{name}\" already; remove it first."));
            }

            if (own.Count >= options.Value.Limits.KeysPerClient)
            {
                return (null, DuplexityError.Of(Errors.RateLimited, $"A client has at most {options.Value.Limits.KeysPerClient} keys; remove one first.") with { Limit = "keys_per_client", Used = own.Count });
            }

            var (id, secret) = (IdPrefix + Secrets.New()[..16], Secrets.New());
            var stored = new Stored(name, client, Secrets.Hash(secret), allowances, by, standing.GivenNow(client));
            await engine.Records.PutAsync(Kind, id, JsonSerializer.Serialize(stored), null, ct);
            Log.KeyChanged(logger, VisibleText.Of(client, VisibleText.LogLength), "made", name, VisibleText.Of(by, VisibleText.LogLength));
            return (Info(id, stored) with { Key = $"{Prefix}{id}.{secret}" }, null);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The keys of a client, by name; null: everybody's.</summary>
    public async Task<IReadOnlyList<ApiKeyInfo>> ListAsync(string? client, CancellationToken ct) =>
    [
        .. (await engine.Records.ListAsync(Kind, ct)).Select(r => Info(r.Key, JsonSerializer.Deserialize<Stored>(r.Value)!))
            .Where(k => client is null || k.Client == client).OrderBy(k => k.Client, StringComparer.Ordinal).ThenBy(k => k.Name, StringComparer.Ordinal),
    ];

    /// <summary>Removes a key by its name and revokes its tokens; false where there is none.</summary>
    public async Task<bool> RemoveAsync(string client, string name, string by, CancellationToken ct)
    {
        if ((await ListAsync(client, ct)).FirstOrDefault(k => k.Name == name) is not { } key || await engine.Records.TakeAsync(Kind, key.Id, ct) is null)
        {
            return false;
        }

        await revocations.RevokeKeyAsync(key.Id, ct);
        _good.TryRemove(key.Id, out _);
        Log.KeyChanged(logger, VisibleText.Of(client, VisibleText.LogLength), "removed", name, VisibleText.Of(by, VisibleText.LogLength));
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        // In the line of those that are being added: one that did not see the tombstone is here by then.
        await _turn.WaitAsync(ct);
        try
        {
            foreach (var key in await ListAsync(client, ct))
            {
                await engine.Records.TakeAsync(Kind, key.Id, ct);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>An access token for a key; null where it is not good.</summary>
    public async Task<TokenAnswer?> ExchangeAsync(string? key, CancellationToken ct)
    {
        return await FindAsync(key, ct) is var (id, stored) && standing.Problem(stored.Client, stored.CreatedAt) is null ? tokens.For(stored.Client, new(stored.Allowances, null, id)) : null;
    }

    /// <summary>Who a key itself is, for one request; null where it is not good.</summary>
    public async ValueTask<Identity?> IdentifyAsync(string? key, CancellationToken ct)
    {
        if (await FindAsync(key, ct) is var (id, stored))
        {
            var principal = new ClaimsPrincipal(new ClaimsIdentity([new("sub", stored.Client), new("key", id)], DuplexityScheme.Name, "sub", "role"));
            var identity = new Identity(stored.Client, null, own.Issuer, null, principal) { IssuedAt = stored.CreatedAt, KeyId = id, Allowances = resolver.Resolve([], stored.Allowances) };
            if (standing.Problem(identity) is null)
            {
                return identity;
            }
        }

        Log.TokenRefused(logger, "it is no API key, or not any more");
        return null;
    }

    private async ValueTask<(string Id, Stored Key)?> FindAsync(string? key, CancellationToken ct)
    {
        if (key is not { Length: < 256 } || !LooksLikeKey(key) || key[Prefix.Length..].Split('.') is not [var id, var secret])
        {
            return null;
        }

        var now = time.GetUtcNow();
        var isRemembered = _good.TryGetValue(id, out var good) && now < good.Until;
        var stored = isRemembered ? good.Key : await engine.Records.ReadAsync(Kind, id, ct) is { } text ? JsonSerializer.Deserialize<Stored>(text) : null;

        // Who asks with a key that never was does the same work as who guesses a secret.
        if (!Secrets.AreSame(Secrets.Hash(secret), stored?.Hash ?? Secrets.Hash("")) || stored is null)
        {
            return null;
        }

        if (!isRemembered)
        {
            foreach (var (old, _) in _good.Where(g => g.Value.Until <= now))
            {
                _good.TryRemove(old, out _);
            }

            _good[id] = (stored, now + Remembered);
        }

        return (id, stored);
    }

    private static ApiKeyInfo Info(string id, Stored stored) => new(stored.Name, id, stored.Client, stored.Allowances, stored.CreatedBy, stored.CreatedAt.ToUnixTimeMilliseconds());

    private sealed record Stored(string Name, string Client, string Hash, Allowances Allowances, string CreatedBy, DateTimeOffset CreatedAt);
}

/// <summary>A key as its owner sees it.</summary>
/// <param name="Name">The owner's name for it.</param>
/// <param name="Id">What tokens made for it name as <c>key</c>.</param>
/// <param name="Client">Whose it is.</param>
/// <param name="Allowances">What it may do.</param>
/// <param name="CreatedBy">Who made it.</param>
/// <param name="CreatedAt">When, in milliseconds since 1970 UTC.</param>
internal sealed record ApiKeyInfo(string Name, string Id, string Client, Allowances Allowances, string CreatedBy, long CreatedAt)
{
    /// <summary>The key itself: in the answer that makes it, and never again.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Key { get; init; }

    public override string ToString() => nameof(ApiKeyInfo);
}
