using Duplexity.Server.Channels;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Entry: a client that a lockspace holds on this socket sends to that lockspace and nowhere else: not where a gate would send its message on either, and not what waited for a gate as it came in.
/// </summary>
internal sealed class HoldGate(Holdings holdings) : IBuiltInGate
{
    public string Name => "hold";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in Passage passage) =>
        !holdings.IsEmpty && passage.Sender.SocketId is { } socket && holdings.HolderOf(new(passage.Sender.Client, socket)) is { } space && passage.Target != Address.Lockspace(space)
            ? Held(passage.Sender.Client, space)
            : null;

    /// <summary>What is said to somebody who is held.</summary>
    public static DuplexityError Held(string client, string space)
    {
        var shown = VisibleText.Of(Address.Lockspace(space).ToString(), Address.MaxBytes);
        return DuplexityError.Of(Errors.Held, $"{VisibleText.Of(client, Address.MaxClientLength)} is held in {shown} on this socket and talks to it alone; it gets out by Leave with the key, or when the lockspace's owner admits or releases it.");
    }
}
