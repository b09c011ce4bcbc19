namespace Duplexity.Server.Cluster;

/// <summary>A part of the node that does what all nodes are told of one kind (G8). It tells nothing itself while it hears: it would wait for itself.</summary>
internal interface ISystemListener
{
    /// <summary>What it hears: a word of its own.</summary>
    string Kind { get; }

    /// <summary>Does what was told, by this node or another; idempotent. Returns how much it hit here, such as connections.</summary>
    ValueTask<int> HearAsync(string text);

    /// <summary>Reads again what it keeps in memory, and does what follows: something was told that is not known any more.</summary>
    ValueTask RereadAsync();
}
