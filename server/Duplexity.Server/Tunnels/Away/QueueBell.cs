namespace Duplexity.Server.Tunnels.Away;

/// <summary>Says at this node that something waits in a name's queue. Thread-safe.</summary>
internal sealed class QueueBell
{
    /// <summary>Raised with the name. Handlers must not throw or wait.</summary>
    public event Action<string>? Rung;

    public void Ring(string name) => Rung?.Invoke(name);
}
