using Duplexity.Protocol;

namespace Duplexity;

/// <content>What is asked beside listening and sending: who is there, and which gate would refuse.</content>
public sealed partial class DuplexityConnection
{
    /// <summary>Who is in a channel now: asked a page at a time. Who comes or goes between two pages may be in it or not; <see cref="Presence.Version"/> is that of the first.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<Presence> PresenceAsync(Address channel, CancellationToken ct = default)
    {
        var answer = await AskPresenceAsync(channel, null, countOnly: false, ct).ConfigureAwait(false);
        return new Presence(answer.Version ?? 0, answer.Members ?? []);
    }

    /// <summary>How many clients are in a channel now.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> PresenceCountAsync(Address channel, CancellationToken ct = default) =>
        (await AskPresenceAsync(channel, null, countOnly: true, ct).ConfigureAwait(false)).Count ?? 0;

    /// <summary>Asks which gates would refuse an operation, without doing or counting it: each gate with its refusal, in their order.</summary>
    /// <param name="operation">A word of <see cref="Operation"/>.</param>
    /// <param name="target">An address, such as <c>room:lobby</c>; for <see cref="Operation.Publish"/> a public name.</param>
    /// <param name="options">As whom, and whose case.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">The question was wrong, or there was no answer in time.</exception>
    public Task<ExplainResponse> ExplainAsync(string operation, string target, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.Explain(new ExplainRequest { As = client, Operation = operation, Target = target, Client = options?.Client }), ct);
}
