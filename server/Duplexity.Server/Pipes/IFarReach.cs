namespace Duplexity.Server.Pipes;

/// <summary>Whether a socket of another node takes messages to its own address: that node knows, and is asked.</summary>
internal interface IFarReach
{
    /// <summary>Whether a socket could be at another node: there are others, and it is not here.</summary>
    bool IsPossible(string socketId);

    /// <summary>False where no node has the socket, where it does not want to hear this sender, and where its node cannot be asked now: they look alike.</summary>
    ValueTask<bool> ReachesAsync(string socketId, Sender sender, string? re, CancellationToken ct = default);
}
