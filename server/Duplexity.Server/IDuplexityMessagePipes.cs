using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>
/// Message pipes of the application itself: carried by the node as <c>service:app</c>, which may send and read everywhere but where a room's policy leaves it out. Kept through restarts. Thread-safe; a singleton,
/// <see cref="IDuplexity.MessagePipes"/>.
/// </summary>
public interface IDuplexityMessagePipes
{
    /// <summary>Sets pipes, all or none: new ones begin at the top of their source, and those of an id that is there go on with what is new behind that place. Returns them as they are now.</summary>
    /// <exception cref="DuplexityException">A pipe cannot be (102, 103, 203), there are too many (302), or the engine is away (400).</exception>
    Task<IReadOnlyList<MessagePipe>> SetAsync(IReadOnlyCollection<MessagePipe> pipes, CancellationToken ct = default);

    /// <summary>The pipes by id, each with its state and the place to which it has come.</summary>
    Task<IReadOnlyList<MessagePipe>> ListAsync(CancellationToken ct = default);

    /// <summary>Removes a pipe; what it has not carried yet stays where it is.</summary>
    /// <exception cref="DuplexityException">There is none of that id (203).</exception>
    Task RemoveAsync(string id, CancellationToken ct = default);
}
