using System.Text.Json;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>A name that a client keeps for itself, whether a program serves it or not. Immutable.</summary>
/// <param name="Name">The hostname, in the form of keys and without an asterisk: what is below it is kept as well.</param>
/// <param name="Owner">Whose it is, or until a while ago was.</param>
/// <param name="Since">When it was reserved.</param>
/// <param name="FreeAt">When another client may have it, since it was released; null: it was not.</param>
internal sealed record ReservedName(string Name, string Owner, DateTimeOffset Since, DateTimeOffset? FreeAt)
{
    /// <summary>Whether nobody else may have it.</summary>
    public bool IsKeptAt(DateTimeOffset now) => FreeAt is null || FreeAt > now;

    public string Write() => JsonSerializer.Serialize(this);

    public static ReservedName Read(string text) => JsonSerializer.Deserialize<ReservedName>(text)!;
}
