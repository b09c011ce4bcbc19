using Duplexity.Server.Channels;

namespace Duplexity.Server.Pipes;

/// <summary>Entry: a client that a lockspace holds on this socket sends to that lockspace and nowhere else.</summary>
internal sealed class HoldGate(Holdings holdings) : IGate
{
    public string Name => "hold";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in GateContext context) =>
        !holdings.IsEmpty && context.Sender.SocketId is { } socket && holdings.HolderOf(new(context.Sender.Client, socket)) is { } space && context.Target != Address.Lockspace(space)
            ? Held(context.Sender.Client, space)
            : null;

    /// <summary>What is said to somebody who is held.</summary>
    public static DuplexityError Held(string client, string space)
    {
        var shown = VisibleText.Of(Address.Lockspace(space).ToString(), Address.MaxBytes);
        return DuplexityError.Of(Errors.Held, $"{VisibleText.Of(client, Address.MaxClientLength)} is held in {shown} on this socket and talks to it alone; it gets out by Leave with the key, or when the lockspace's owner admits or releases it.");
    }
}
