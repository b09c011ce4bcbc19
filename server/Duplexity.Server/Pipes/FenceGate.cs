using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Entry: what is sent under a lock is sent by the client that holds it, under the token of its present grant. Refuses early what the append would refuse for certain (G17), and what it could not know: a token that nobody was
/// given, which would keep the real ones out.
/// </summary>
internal sealed class FenceGate(IEngine engine) : IBuiltInGate
{
    public string Name => "fence";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in Passage passage)
    {
        if (passage.Request is not SendRequest { Under: { } under })
        {
            return null;
        }

        if (under is not { Lock: { } text, Token: { } token } || text.LastIndexOf('/') is <= 0)
        {
            return DuplexityError.Of(Errors.InvalidRequest, "under names a lock as SPACE/NAME and the token of its grant.");
        }

        return engine.Locks.Find(LockName.Parse(text)) is { } held && held.Token == token && held.Holder.Client == passage.Sender.Client ? null : Stale();
    }

    /// <summary>What is said of a token that is not the present one.</summary>
    public static DuplexityError Stale() => DuplexityError.Of(
        Errors.StaleToken, "This client does not hold that lock under that token, or not any more; nothing was stored. Acquire the lock again, and look at what it guards before you go on.");
}
