using System.Security.Claims;
using System.Text.Json;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <inheritdoc cref="IVisitorIdentities"/>
internal sealed class VisitorIdentities(
    TokenReader tokens, ApiKeys keys, OwnKeys own, Assertions assertions, Sealing sealing, Standing standing, JoinGates gates, AllowanceResolver allowances, PageCodes codes, OidcProvider provider,
    VisitorSignIn signIn, TimeProvider time, IOptions<DuplexityOptions> options) : IVisitorIdentities
{
    private const string Purpose = "visitor-pass";

    /// <summary>What browsers keep of one cookie with its name and attributes, less a margin for those.</summary>
    private const int MaxPass = 3_800;

    /// <inheritdoc/>
    public bool CanSignIn => provider.IsConfigured;

    /// <inheritdoc/>
    public string? SignInAddress(HttpRequest request, VisitorReturn back) => provider.IsConfigured ? signIn.AddressFor(request, back) : null;

    /// <inheritdoc/>
    public async Task<Identity?> ArriveAsync(string code, string returnTo, string secret, CancellationToken ct)
    {
        if (await codes.RedeemAsync(code, returnTo, secret, ct) is not { } person)
        {
            return null;
        }

        var identity = IdentityOf(new Pass("", person.Client, standing.GivenNow(person.Client), time.GetUtcNow() + options.Value.Times.Visitor, person.Roles, person.Allowances));
        return MayStay(identity) ? identity : null;
    }

    /// <inheritdoc/>
    public string? PassFor(Identity identity, string place)
    {
        string[] roles = [.. identity.Principal.FindAll("role").Select(c => c.Value)];
        var text = sealing.Seal(Purpose, JsonSerializer.Serialize(new Pass(place, identity.Client, identity.IssuedAt!.Value, identity.ExpiresAt!.Value, roles, identity.Allowances), AllowanceClaim.Json));
        return text.Length <= MaxPass ? text : null;
    }

    /// <inheritdoc/>
    public Identity? Read(string pass, string place) =>
        sealing.Open(Purpose, pass) is { } text && JsonSerializer.Deserialize<Pass>(text, AllowanceClaim.Json)! is var read && read.Place == place && IdentityOf(read) is var identity && MayStay(identity)
            ? identity
            : null;

    /// <inheritdoc/>
    public async ValueTask<Identity?> ReadCredentialAsync(string credential, CancellationToken ct) =>
        await (ApiKeys.LooksLikeKey(credential) ? keys.IdentifyAsync(credential, ct) : tokens.ReadAsync(credential, ct)) is { } identity && MayStay(identity) ? identity : null;

    /// <inheritdoc/>
    public bool MayStay(Identity identity) => identity.IsValidAt(time.GetUtcNow()) && standing.Problem(identity) is null && standing.Block(identity.Client, null) is null;

    /// <inheritdoc/>
    public bool MayJoin(Identity identity, Address channel) => Array.TrueForAll(gates.Of(new HeldIdentity(identity), channel, isRead: false), gate => gate.Error is null);

    /// <inheritdoc/>
    public string Keep(Identity identity) => JsonSerializer.Serialize(
        new Kept(identity.Client, identity.IssuedAt, identity.TokenId, identity.KeyId, [.. identity.Principal.FindAll("role").Select(c => c.Value)], identity.Allowances), AllowanceClaim.Json);

    /// <inheritdoc/>
    public Identity? Again(string kept)
    {
        var read = JsonSerializer.Deserialize<Kept>(kept, AllowanceClaim.Json)!;
        var identity = new Identity(read.Client, null, own.Issuer, read.TokenId, PrincipalOf(read.Client, read.Roles)) { IssuedAt = read.IssuedAt, KeyId = read.KeyId, Allowances = allowances.Resolve(read.Roles, read.Allowances) };
        return MayStay(identity) ? identity : null;
    }

    /// <inheritdoc/>
    public string Assert(string client, string host) => assertions.Of(client, host);

    /// <inheritdoc/>
    public string Seal(string purpose, string text) => sealing.Seal(purpose, text);

    /// <inheritdoc/>
    public string? Open(string purpose, string text) => sealing.Open(purpose, text);

    private static ClaimsPrincipal PrincipalOf(string client, string[] roles) =>
        new(new ClaimsIdentity([new("sub", client), .. roles.Select(role => new Claim("role", role))], DuplexityScheme.Name, "sub", "role"));

    private Identity IdentityOf(Pass pass)
    {
        return new(pass.Client, pass.Until, own.Issuer, null, PrincipalOf(pass.Client, pass.Roles)) { IssuedAt = pass.IssuedAt, Allowances = allowances.Resolve(pass.Roles, pass.Allowances) };
    }

    /// <param name="Place">Where it is good.</param>
    /// <param name="Client">Who its bearer is.</param>
    /// <param name="IssuedAt">When the person signed in; what is revoked later counts.</param>
    /// <param name="Until">When it ends.</param>
    /// <param name="Roles">As the provider said.</param>
    /// <param name="Allowances">What it may do; null: what its roles give.</param>
    private sealed record Pass(string Place, string Client, DateTimeOffset IssuedAt, DateTimeOffset Until, string[] Roles, Allowances? Allowances);

    /// <param name="Client">Who it is.</param>
    /// <param name="IssuedAt">When its credential was given; what is revoked later counts.</param>
    /// <param name="TokenId">That credential, as it may be revoked by itself.</param>
    /// <param name="KeyId">The key or sign-in that it was from.</param>
    /// <param name="Roles">As they were.</param>
    /// <param name="Allowances">What it may do.</param>
    private sealed record Kept(string Client, DateTimeOffset? IssuedAt, string? TokenId, string? KeyId, string[] Roles, Allowances? Allowances);
}
