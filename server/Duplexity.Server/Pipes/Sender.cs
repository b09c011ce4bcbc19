using System.Security.Claims;

namespace Duplexity.Server.Pipes;

/// <summary>Who drops a message into the machine: one acting client, fixed before the first gate (G10). Immutable.</summary>
internal sealed record Sender
{
    /// <summary>The acting CID.</summary>
    public required string Client { get; init; }

    /// <summary>The SOCK_ID it came from; null for the server's own API.</summary>
    public string? SocketId { get; init; }

    /// <summary>When the right to act as this client ends; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The application itself, by its injectable API: its own gates only.</summary>
    public bool IsServer { get; init; }

    public ClaimsPrincipal? Principal { get; init; }

    /// <summary>When its token was issued; null: it does not say, or there is none.</summary>
    public DateTimeOffset? IssuedAt { get; init; }

    /// <summary>The sends of its socket, or of one batch, in their order; null: each send for itself, and nobody to ask.</summary>
    public SendLine? Line { get; init; }

    /// <summary>What stands against it by now, for one without a socket that could be asked; null: nothing can.</summary>
    public Func<DuplexityError?>? Against { get; init; }

    /// <summary>What it may do; null for the application itself.</summary>
    public AllowanceRules? Rules { get; init; }

    /// <summary>What it has used of that; null for the application itself.</summary>
    public Meter? Meter { get; init; }

    /// <summary>The rooms in which the sending socket stands as this client: what Emit goes to.</summary>
    public IReadOnlyList<Address> Rooms { get; init; } = [];
}
