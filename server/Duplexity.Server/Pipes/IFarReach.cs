namespace Duplexity.Server.Pipes;

/// <summary>Whether a socket of another node takes messages to its own address: that node knows, and is asked.</summary>
internal interface IFarReach
{
    /// <summary>Whether a socket could be at another node: there are others, and it is not here.</summary>
    bool IsPossible(string socketId);

    /// <summary>False where no node has the socket, and where it does not want to hear this sender: the two look alike.</summary>
    /// <exception cref="DuplexityException">The engine, or the node that has the socket, cannot be reached now.</exception>
    ValueTask<bool> ReachesAsync(string socketId, Sender sender, string? re, CancellationToken ct = default);
}
