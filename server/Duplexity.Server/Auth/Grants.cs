using System.Text.Json;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Sign-ins that last: each has a handle that is good once for the next access token. A handle that comes back after its time was stolen from somebody, so the whole sign-in ends and its tokens are
/// revoked. Of several that use one handle at once, in whatever processes over the same records, one renews and the others get its answer once more. Only hashes and sealed text are stored. Thread-safe.
/// </summary>
internal sealed class Grants(
    IEngine engine, Sealing sealing, OidcProvider provider, AccessTokens tokens, Standing standing, Revocations revocations, TimeProvider time, IOptions<DuplexityOptions> options, ILogger<Grants> logger) : IBelongings
{
    private const string Kind = "grant";
    private const string Prefix = "dxr_";

    /// <summary>How long the handle before the last one is still answered, with the last one: that may have been lost on its way.</summary>
    private static readonly TimeSpan LostAnswer = TimeSpan.FromSeconds(30);

    private readonly GrantTurns _turns = new(engine.Records, time);

    /// <summary>Begins a sign-in that lasts; an error where the client is disabled or removed here.</summary>
    public async Task<(TokenAnswer? Tokens, DuplexityError? Error)> BeginAsync(Person person, CancellationToken ct)
    {
        if (standing.Out(person.Client) is { } outside)
        {
            return (null, outside);
        }

        var id = "sign-in-" + Secrets.New();
        var grant = new Grant(person.Client, person.Roles, person.Allowances, null, null, null, default, standing.GivenNow(person.Client));
        Log.SignedIn(logger, VisibleText.Of(person.Client, VisibleText.LogLength));
        return (await RenewAsync(id, grant, person, ct), null);
    }

    /// <summary>The next tokens for a handle; an error where it is not good any more, or the provider is away.</summary>
    public async Task<(TokenAnswer? Tokens, DuplexityError? Error)> RefreshAsync(string? handle, CancellationToken ct)
    {
        // Who makes handles up costs a look and no turn.
        if (Split(handle) is not var (id, secret) || await ReadAsync(id, ct) is null)
        {
            return (null, Refused());
        }

        if (await _turns.EnterAsync(id, ct) is not { } turn)
        {
            return (null, DuplexityError.Of(Errors.Unavailable, "This sign-in is being refreshed elsewhere and takes long; it stands, try again later."));
        }

        await using (turn)
        {
            return await RefreshAsync(id, secret, ct);
        }
    }

    /// <summary>Ends a sign-in and its tokens; one that is over already is over.</summary>
    public async Task LogoutAsync(string? handle, CancellationToken ct)
    {
        if (Split(handle) is not var (id, secret) || await ReadAsync(id, ct) is null)
        {
            return;
        }

        // In its turn, or a refresh that is under way would write it down again; and without one rather than not at all.
        await using var turn = await _turns.EnterAsync(id, ct);
        if (await ReadAsync(id, ct) is { } grant && (Secrets.AreSame(Secrets.Hash(secret), grant.Current) || Secrets.AreSame(Secrets.Hash(secret), grant.Before)))
        {
            await EndAsync(id, ct);
        }
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string client, CancellationToken ct)
    {
        // Every sign-in is read for it. They would be refused without that; but what the provider gave for a person must not lie about when the person is gone.
        foreach (var (id, text) in await engine.Records.ListAsync(Kind, ct))
        {
            if (JsonSerializer.Deserialize<Grant>(text)!.Client == client)
            {
                await engine.Records.TakeAsync(Kind, id, ct);
            }
        }
    }

    private static DuplexityError Refused() => DuplexityError.Of(Errors.TokenRefused, "The refresh handle is not good any more; sign in again.");

    private static (string Id, string Secret)? Split(string? handle) =>
        handle is { Length: < 256 } && handle.StartsWith(Prefix, StringComparison.Ordinal) && handle[Prefix.Length..].Split('.') is [{ Length: > 0 } id, { Length: > 0 } secret] ? (id, secret) : null;

    private async Task<(TokenAnswer? Tokens, DuplexityError? Error)> RefreshAsync(string id, string secret, CancellationToken ct)
    {
        if (await ReadAsync(id, ct) is not { } grant)
        {
            return (null, Refused());
        }

        var hash = Secrets.Hash(secret);
        var isLost = Secrets.AreSame(hash, grant.Before) && time.GetUtcNow() - grant.RenewedAt <= LostAnswer;
        if (!Secrets.AreSame(hash, grant.Current) && !isLost)
        {
            Log.HandleReused(logger, VisibleText.Of(grant.Client, VisibleText.LogLength));
            await EndAsync(id, ct);
            return (null, Refused());
        }

        // Revoked or disabled since: what was begun before is over with it.
        if (standing.Problem(grant.Client, grant.BegunAt) is not null)
        {
            await EndAsync(id, ct);
            return (null, Refused());
        }

        if (isLost && sealing.Open(Kind, grant.Handle) is { } handle)
        {
            return (Answer(id, grant, handle), null);
        }

        var (outcome, person) = await AskAsync(grant, ct);
        switch (outcome)
        {
            case ProviderOutcome.Away:
                return (null, DuplexityError.Of(Errors.Unavailable, "The OpenID provider does not answer; the sign-in stands, try again later."));
            case ProviderOutcome.Refused:
                await EndAsync(id, ct);
                return (null, Refused());
            default:
                return (await RenewAsync(id, grant, person, ct), null);
        }
    }

    private async Task<(ProviderOutcome, Person?)> AskAsync(Grant grant, CancellationToken ct)
    {
        if (sealing.Open(Kind, grant.Provider) is not { } refreshToken || !provider.IsConfigured)
        {
            return (ProviderOutcome.Good, null);
        }

        var (outcome, person) = await provider.RefreshAsync(refreshToken, ct);
        return person is { Client: not "" } && person.Client != grant.Client ? (ProviderOutcome.Refused, null) : (outcome, person);
    }

    private async Task<TokenAnswer> RenewAsync(string id, Grant grant, Person? person, CancellationToken ct)
    {
        var secret = Secrets.New();
        var isTold = person is { Client: not "" };
        var renewed = grant with
        {
            Roles = isTold ? person!.Roles : grant.Roles,
            Allowances = isTold ? person!.Allowances : grant.Allowances,
            Provider = person?.RefreshToken is { } refreshToken ? sealing.Seal(Kind, refreshToken) : grant.Provider,
            Before = grant.Current,
            Current = Secrets.Hash(secret),
            Handle = sealing.Seal(Kind, $"{Prefix}{id}.{secret}"),
            RenewedAt = time.GetUtcNow(),
        };
        await engine.Records.PutAsync(Kind, id, JsonSerializer.Serialize(renewed), time.GetUtcNow() + options.Value.Times.SignedIn, ct);
        return Answer(id, renewed, $"{Prefix}{id}.{secret}") with { IdToken = isTold && person!.IdToken.Length > 0 ? person.IdToken : null };
    }

    private TokenAnswer Answer(string id, Grant grant, string handle) => tokens.For(grant.Client, new(grant.Allowances, grant.Roles, id)) with { RefreshToken = handle };

    private async Task<Grant?> ReadAsync(string id, CancellationToken ct) =>
        await engine.Records.ReadAsync(Kind, id, ct) is { } text ? JsonSerializer.Deserialize<Grant>(text) : null;

    private async Task EndAsync(string id, CancellationToken ct)
    {
        await engine.Records.TakeAsync(Kind, id, ct);
        await revocations.RevokeKeyAsync(id, ct);
    }

    /// <param name="Client">The CID.</param>
    /// <param name="Roles">Its roles, as the provider said last.</param>
    /// <param name="Allowances">Its claim, as the provider said last.</param>
    /// <param name="Provider">The provider's own refresh token, sealed.</param>
    /// <param name="Current">The hash of the handle that is good now.</param>
    /// <param name="Before">The hash of the one before.</param>
    /// <param name="RenewedAt">When the one before was used.</param>
    /// <param name="BegunAt">When the person signed in.</param>
    private sealed record Grant(
        string Client, string[] Roles, Allowances? Allowances, string? Provider, string? Current, string? Before, DateTimeOffset RenewedAt, DateTimeOffset BegunAt)
    {
        /// <summary>The handle that is good now, sealed: for whoever comes with the one before because the answer was lost.</summary>
        public string? Handle { get; init; }
    }
}
