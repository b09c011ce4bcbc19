namespace Duplexity.Server.Engine;

/// <summary>What nodes share, as one set of parts. One engine serves a node for its whole life.</summary>
internal interface IEngine
{
    /// <summary>The messages.</summary>
    IMessageLog Log { get; }

    /// <summary>Who is in a channel.</summary>
    IPresence Presence { get; }

    /// <summary>Sessions and public pipes.</summary>
    IRegistry Registry { get; }

    /// <summary>One-time secrets.</summary>
    IVault Vault { get; }

    /// <summary>Small records that outlive the process.</summary>
    IRecords Records { get; }

    /// <summary>Exclusive locks.</summary>
    ILocks Locks { get; }

    /// <summary>What all nodes must do or know soon.</summary>
    ISystemLog SystemLog { get; }

    /// <summary>Whether its store is known not to be reached now: what needs it is refused at once, and nobody new is admitted (G8).</summary>
    bool IsAway => false;

    /// <summary>For how long this node may act without having reached its store; null: for ever, for nobody else has it.</summary>
    ActingLease? Lease => null;

    /// <summary>The nodes that share its store; null: this one has it for itself.</summary>
    LiveNodes? Nodes => null;

    /// <summary>The name under which this node writes what is its own among others: another one after its lease was over.</summary>
    string Node => "";

    /// <summary>Whether no node will act under this name any more.</summary>
    ValueTask<bool> IsGoneAsync(string node, CancellationToken ct = default) => new(node != Node);

    /// <summary>What is wrong, in words for an operator, after a write, a read and a hint to this very node have gone their way; null: nothing.</summary>
    ValueTask<string?> ProbeAsync(CancellationToken ct = default) => default;

    /// <summary>Names the receiver of everything that arrives; once, before anything is appended.</summary>
    void Attach(IEngineHandler handler);
}
