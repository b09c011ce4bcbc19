using System.Text.Json.Serialization;

namespace Duplexity.Server.OpenId.Users;

/// <summary>A user as administrators see it.</summary>
/// <param name="Name">The name, which never changes.</param>
/// <param name="Client">The CID: the name, with the provider's prefix where there is one.</param>
/// <param name="Roles">Its roles.</param>
/// <param name="State"><c>invited</c> (no password yet), <c>active</c>, <c>locked</c> (after failures, for a while) or <c>disabled</c>.</param>
/// <param name="CreatedAt">When it was added, in milliseconds since 1970 UTC.</param>
internal sealed record UserInfo(string Name, string Client, IReadOnlyList<string> Roles, string State, long CreatedAt)
{
    /// <summary>The link by which the person sets a password: in the answer that makes it, and never again.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Link { get; init; }

    /// <summary>Until when the link is good, in milliseconds since 1970 UTC.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? LinkExpiresAt { get; init; }

    public override string ToString() => nameof(UserInfo);
}
