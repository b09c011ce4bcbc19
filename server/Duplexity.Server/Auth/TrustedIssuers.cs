using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>One issuer whose tokens are taken.</summary>
/// <param name="Issuer">The token's <c>iss</c>, byte for byte.</param>
/// <param name="Keys">What it signs with, and no other issuer does.</param>
/// <param name="Algorithms">What those keys may sign with.</param>
/// <param name="Prefix">Put before its clients.</param>
/// <param name="CidClaim">The claim that is the client.</param>
/// <param name="ExpirySkew">How much longer than it says a token is good; nothing for our own, whose clock is ours.</param>
/// <param name="IsOwn">Whether it is this service, which alone may name any service principal.</param>
internal sealed record TrustedIssuer(
    string Issuer, IIssuerKeys Keys, IReadOnlyList<string> Algorithms, string Prefix, string CidClaim, TimeSpan ExpirySkew, bool IsOwn)
{
    /// <summary>Of the provider by which people sign in: what it knows this service by, and so the audience of its ID tokens, which open nothing. Null: it is another issuer.</summary>
    public string? ClientId { get; init; }

    /// <summary>A claim that has roles, beside <c>role</c> and <c>roles</c>; null: none.</summary>
    public string? RolesClaim { get; init; }
}

/// <summary>All issuers whose tokens are taken, side by side; which one a token names decides which keys may have signed it (G19).</summary>
internal sealed class TrustedIssuers : IDisposable
{
    private readonly FrozenDictionary<string, TrustedIssuer> _issuers;
    private readonly List<IDisposable> _owned = [];

    public TrustedIssuers(IOptions<DuplexityOptions> options, OwnKeys own, TimeProvider time, ILogger<TrustedIssuers> logger)
    {
        var auth = options.Value.Auth;
        var issuers = new List<TrustedIssuer> { Own(own.Issuer, own, own.Algorithm) };
        if (own.DevelopmentKey is { } developmentKey)
        {
            issuers.Add(Own(OwnKeys.DevelopmentIssuer, new ConfiguredKeys([developmentKey]), KeyMaterial.SigningAlgorithm(developmentKey)));
        }

        foreach (var group in auth.Keys.Values.GroupBy(key => key.Issuer!))
        {
            string[] algorithms = [.. group.Any(key => IsSet(key.Secret)) ? KeyMaterial.Shared : [], .. group.Any(key => !IsSet(key.Secret)) ? KeyMaterial.Public : []];
            IIssuerKeys[] sources = [.. group.Select(key => SourceOf(key, time, logger))];
            issuers.Add(new(group.Key, new JoinedKeys(sources), algorithms, group.First().Prefix ?? "", auth.CidClaim, options.Value.Times.ClockSkew, IsOwn: false));
        }

        issuers.AddRange(Provider(options.Value, time, logger).Where(provider => issuers.TrueForAll(issuer => issuer.Issuer != provider.Issuer)));
        _issuers = issuers.ToFrozenDictionary(issuer => issuer.Issuer, StringComparer.Ordinal);
    }

    public TrustedIssuer? Find(string? issuer) => issuer is null ? null : _issuers.GetValueOrDefault(issuer);

    public void Dispose() => _owned.ForEach(source => source.Dispose());

    private static TrustedIssuer Own(string issuer, IIssuerKeys keys, string algorithm) =>
        new(issuer, keys, [algorithm], "", "sub", TimeSpan.Zero, IsOwn: true);

    /// <summary>
    /// The provider by which people sign in, for access tokens that it made for this service itself, with or without the slash that its name may end with. The embedded one makes none, and where its
    /// keys are set apart, those settings hold.
    /// </summary>
    private IEnumerable<TrustedIssuer> Provider(DuplexityOptions options, TimeProvider time, ILogger logger)
    {
        var oidc = options.Auth.Oidc;
        if (oidc.IsEmbedded || oidc.Authority?.TrimEnd('/') is not { Length: > 0 } authority)
        {
            return [];
        }

        var keys = new FetchedKeys(authority, new Uri($"{authority}/.well-known/openid-configuration"), time, logger, isDiscovery: true);
        _owned.Add(keys);
        var provider = new TrustedIssuer(authority, keys, KeyMaterial.Public, oidc.Prefix ?? "", options.Auth.CidClaim, options.Times.ClockSkew, IsOwn: false)
        {
            ClientId = oidc.ClientId,
            RolesClaim = oidc.RolesClaim,
        };
        return [provider, provider with { Issuer = authority + "/" }];
    }

    private IIssuerKeys SourceOf(IssuerKey key, TimeProvider time, ILogger logger)
    {
        if (IsSet(key.Jwks))
        {
            var fetched = new FetchedKeys(key.Issuer!, new Uri(key.Jwks!), time, logger);
            _owned.Add(fetched);
            return fetched;
        }

        var isRead = IsSet(key.Secret)
            ? KeyMaterial.TrySecret(key.Secret!, out var read, out var problem)
            : KeyMaterial.TryPem(key.Pem!, isPrivate: false, out read, out problem);
        return isRead ? new ConfiguredKeys([read!]) : throw new InvalidOperationException($"The key of {key.Issuer} {problem}.");
    }

    private static bool IsSet(string? text) => !string.IsNullOrEmpty(text);
}
