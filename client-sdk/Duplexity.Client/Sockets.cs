using Duplexity.Protocol;

namespace Duplexity;

/// <summary>The client's own sockets, of all its programs.</summary>
public sealed class Sockets
{
    internal Sockets()
    {
    }

    /// <summary>The sockets, oldest first.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<IReadOnlyList<SocketInfo>> ListAsync(CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Closes <c>socket:ID</c>, or all sockets of <c>client:CID</c>; they do not come back by themselves. Answers how many were closed.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<int> CloseAsync(Address target, string? reason = null, CancellationToken ct = default) => throw new NotImplementedException();
}
