using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>What a gate decides. Immutable.</summary>
public abstract record GateResult
{
    private protected GateResult()
    {
    }

    /// <summary>The message goes on to the next gate.</summary>
    public static GateResult Pass { get; } = new Passed();

    /// <summary>The message ends here (206, <c>gate_refused</c>).</summary>
    /// <param name="reason">What the sender is told, as it is: name nothing that it may not know.</param>
    public static GateResult Refuse(string reason) => new Refused(reason);

    /// <summary>
    /// The message waits, and the client is asked; with its answer in <see cref="GateContext.Answer"/> this gate is asked again. To hold it once more means that the answer was wrong;
    /// after <see cref="LimitOptions.ChallengeAttempts"/> of these, or <see cref="TimeOptions.Hold"/>, the message is refused. Later messages of that sender to the same destinations wait behind it.
    /// </summary>
    /// <param name="kind">What is wanted: <see cref="ChallengeKind.Reauthenticate"/>, <see cref="ChallengeKind.Key"/>, or a word of the application's own.</param>
    /// <param name="sentence">What a person is asked.</param>
    /// <param name="data">What the client's program needs for its answer; at most 4 KB.</param>
    public static GateResult Hold(string kind, string sentence, IReadOnlyDictionary<string, string>? data = null) => new Held(kind, sentence, data);

    /// <summary>
    /// The message goes to other destinations instead, through their own gates, as the same sender; at the ingress instead of all, at the entry instead of this one, which stays if it is named
    /// too. Where it went is not told.
    /// </summary>
    /// <param name="to">1 to 100 addresses.</param>
    public static GateResult Redirect(params Address[] to) => new Redirected(to);

    /// <summary>
    /// The message goes on as <paramref name="message"/>. It is stored once, so that all of its destinations get it so, whichever's gate changed it.
    /// </summary>
    /// <param name="message">Made from <see cref="GateContext.Message"/> by <c>with</c>.</param>
    public static GateResult Change(GateMessage message) => new Changed(message);

    internal sealed record Passed : GateResult;

    internal sealed record Refused(string Reason) : GateResult;

    internal sealed record Held(string Kind, string Sentence, IReadOnlyDictionary<string, string>? Data) : GateResult;

    internal sealed record Redirected(IReadOnlyList<Address> To) : GateResult;

    internal sealed record Changed(GateMessage Message) : GateResult;

    /// <summary>The gate did not answer, or not in a way that means anything here.</summary>
    internal sealed record Failed(DuplexityError Error) : GateResult;
}
