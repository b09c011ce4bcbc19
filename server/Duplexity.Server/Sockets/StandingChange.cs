using System.Text.Json;

namespace Duplexity.Server.Sockets;

/// <summary>What all nodes are told when something stands against a client or a token.</summary>
/// <param name="What">The record's kind, one of the constants.</param>
/// <param name="Key">The client, or the id of the token, sign-in or key.</param>
/// <param name="Until">Until when it is remembered, where it ends by itself.</param>
internal sealed record StandingChange(string What, string Key, DateTimeOffset? Until = null)
{
    public const string Client = "revoked-client";
    public const string Tombstone = "tombstone";
    public const string Token = "revoked-token";
    public const string SignInOrKey = "revoked-key";

    public override string ToString() => JsonSerializer.Serialize(this);

    public static StandingChange Read(string text) => JsonSerializer.Deserialize<StandingChange>(text)!;
}
