using Duplexity.Protocol;
using Duplexity.Server.Sockets;

namespace Duplexity.Server;

/// <summary>As whom the application acts through <see cref="IDuplexity"/>: as itself, or as a client that it names. Thread-safe.</summary>
internal sealed class ApplicationActing(Standing standing)
{
    /// <summary>Somebody for whom something is made or read.</summary>
    /// <exception cref="ArgumentException">The name cannot be a client's.</exception>
    /// <exception cref="DuplexityException">The client was removed.</exception>
    public HeldIdentity As(string? client) => client is null || standing.Removed(Checked(client)) is not { } removed
        ? HeldIdentity.OfApplication(client ?? InProcessDuplexity.Application)
        : throw new DuplexityException(removed);

    /// <summary>The application itself.</summary>
    public static HeldIdentity Itself => HeldIdentity.OfApplication(InProcessDuplexity.Application);

    /// <summary>A name that can be a client's.</summary>
    public static string Checked(string client) => Address.IsClientId(client)
        ? client
        : throw new ArgumentException($"\"{VisibleText.Of(client, Address.MaxClientLength)}\" cannot be a client.", nameof(client));

    /// <summary>An answer that refuses nothing.</summary>
    public static T Accepted<T>(T answer)
        where T : Answer => answer.Error is { } refused ? throw new DuplexityException(refused) : answer;
}
