using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>The keys that one issuer signs with. Thread-safe.</summary>
internal interface IIssuerKeys
{
    /// <summary>The keys that a token with this key id may be signed with; all of them for a token that names none; none if there is no such key.</summary>
    ValueTask<IReadOnlyList<SecurityKey>> FindAsync(string? keyId, CancellationToken ct);
}

/// <summary>Keys from the settings. They have no ids: whatever id a token names, the signature decides.</summary>
internal sealed class ConfiguredKeys(IReadOnlyList<SecurityKey> keys) : IIssuerKeys
{
    public ValueTask<IReadOnlyList<SecurityKey>> FindAsync(string? keyId, CancellationToken ct) => new(keys);
}

/// <summary>Several sources of keys of one issuer: while it changes keys it has an old and a new one.</summary>
internal sealed class JoinedKeys(IReadOnlyList<IIssuerKeys> sources) : IIssuerKeys
{
    public async ValueTask<IReadOnlyList<SecurityKey>> FindAsync(string? keyId, CancellationToken ct)
    {
        var found = new List<SecurityKey>();
        foreach (var source in sources)
        {
            found.AddRange(await source.FindAsync(keyId, ct));
        }

        return found;
    }
}
