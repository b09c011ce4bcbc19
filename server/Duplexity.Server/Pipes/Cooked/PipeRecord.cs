using System.Text.Json.Serialization;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>A client's pipe as it is written down. Immutable.</summary>
internal sealed record PipeRecord
{
    /// <summary>What its edges are called in the logs of their destinations: drawn anew when it is added, so that a later pipe of the same id is another one.</summary>
    public required string Edge { get; init; }

    public required string Owner { get; init; }

    public required string Id { get; init; }

    public required string From { get; init; }

    /// <summary>As whom, and with which rights, it was set.</summary>
    public required PipeGrant Grant { get; init; }

    /// <summary>What it does from which source place on, oldest first; the last one is in force for all that comes.</summary>
    public required IReadOnlyList<PipeVersion> Versions { get; init; }

    [JsonIgnore]
    public PipeVersion Newest => Versions[^1];

    [JsonIgnore]
    public Address Source => Address.Parse(From);

    /// <summary>What holds for the entry at a place: a change takes effect at a source place, however far behind the pipe is (G20).</summary>
    public PipeVersion At(Position place) => Versions.LastOrDefault(v => v.Since.Offset < place.Offset) ?? Versions[0];
}

/// <summary>A configuration and the source place behind which it holds.</summary>
internal sealed record PipeVersion(Position Since, MessagePipe Pipe);

/// <summary>The rights of the token by which a pipe was set, or of a newer one of the same sign-in or key.</summary>
internal sealed record PipeGrant
{
    public required Allowances Allowances { get; init; }

    public DateTimeOffset? IssuedAt { get; init; }

    public string? Issuer { get; init; }

    public string? TokenId { get; init; }

    public string? KeyId { get; init; }

    /// <summary>The claims, for gates of applications that ask for them.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Claims { get; init; } = [];
}

/// <summary>Asks how the owner of a pipe stands now. Thread-safe.</summary>
internal interface IPipeOwners
{
    /// <summary>The owner as a sender without a socket, and the newest grant; null: it may not act now, and its pipes stand still.</summary>
    (Sender Sender, PipeGrant Grant)? Find(string owner, PipeGrant grant);

    /// <summary>Why the owner may not read a channel; null: it may.</summary>
    DuplexityError? MayRead(string owner, PipeGrant grant, Address channel);
}
