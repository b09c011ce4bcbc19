namespace Duplexity.Server.Sockets;

/// <summary>Says on this node that clients were disconnected by force, or that something stands against some since just now: for those who serve them without a connection of a hub. Thread-safe.</summary>
internal sealed class ClientEnds
{
    /// <summary>This client is to be let go; null: look at each again.</summary>
    public event Action<string?>? Ended;

    public void Tell(string? client) => Ended?.Invoke(client);
}
