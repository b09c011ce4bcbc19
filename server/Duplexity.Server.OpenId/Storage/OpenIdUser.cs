using Microsoft.AspNetCore.Identity;

namespace Duplexity.Server.OpenId.Storage;

/// <summary>
/// A person. <see cref="IdentityUser{TKey}.Id"/> is the name given at the start, is what tokens call <c>sub</c>, and never changes; a removed one stays as a tombstone, so that no name is given twice (G19).
/// </summary>
internal sealed class OpenIdUser : IdentityUser
{
    /// <summary>Whether signing in and refreshing are refused.</summary>
    public bool IsDisabled { get; set; }

    /// <summary>Whether nothing but the name is left.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>When it was added, in milliseconds since 1970 UTC.</summary>
    public long CreatedAt { get; set; }

    /// <summary>Until when it is locked out, in milliseconds since 1970 UTC: SQLite compares numbers, and no dates with an offset.</summary>
    public long LockedUntil { get; set; }

    /// <summary>Whether it may sign in, apart from a lock-out.</summary>
    public bool IsActive => !IsDisabled && !IsRemoved;
}
