using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>What one of the node's own gates looks at. <see cref="Target"/> is the destination at the entry, the channel at the egress, and none before.</summary>
internal readonly record struct Passage(Step Step, Sender Sender, Address Target, MessageRequest? Request, StoredMessage? Message)
{
    /// <summary>Whether this only asks what would be (Explain): nothing may be counted or changed.</summary>
    public bool IsTrial { get; init; }

    /// <summary>Whether the target is a socket of another node, which takes the message.</summary>
    public bool IsReachedFar { get; init; }

    /// <summary>Whether this message has passed here before: held, or behind one that was, it is looked at again, and counted once.</summary>
    public bool IsAgain { get; init; }
}

/// <summary>A check of the node's own at one step, before those of the application. Synchronous, so that nothing before the append awaits (G11). Thread-safe.</summary>
internal interface IBuiltInGate
{
    /// <summary>The name that a refused sender is told.</summary>
    string Name { get; }

    /// <summary>The step that it stands at.</summary>
    Step Step { get; }

    /// <summary>Whether what it says tells of who or what is there: Explain does not ask it for somebody to whom the gates before it say that nothing is.</summary>
    bool LooksBehind => false;

    /// <summary>Null lets the message pass; an error refuses it.</summary>
    DuplexityError? Check(in Passage passage);
}
