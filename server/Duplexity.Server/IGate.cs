namespace Duplexity.Server;

/// <summary>
/// A check of the application's own at one step: it passes a message, changes it, refuses it, sends it elsewhere, or holds it until the client has answered a question. Added with
/// <see cref="IDuplexityBuilder.AddGate{T}"/>; one instance serves the node, so it must be thread-safe.
/// <para>
/// One that answers at once costs nothing in order or speed. One that awaits puts the later sends of that socket into line behind the message, and nobody else's; all gates of one
/// message together have <see cref="TimeOptions.Gate"/>. One that throws, or is too late, refuses (400, <c>unavailable</c>): gates fail closed, and what they threw is in the log alone. It may be asked
/// about a message more than once.
/// </para>
/// <para>
/// At <see cref="Step.Egress"/> a gate answers at once, and with <see cref="GateResult.Pass"/> or <see cref="GateResult.Refuse"/>: it stands where bytes leave, and a receiver that waited there would
/// wait for all of its channels. Whatever else it answers withholds the message.
/// </para>
/// </summary>
public interface IGate
{
    /// <summary>Decides.</summary>
    /// <param name="context">Who wants to do what.</param>
    /// <param name="ct">Cancelled when the answer has come too late.</param>
    ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct);
}
