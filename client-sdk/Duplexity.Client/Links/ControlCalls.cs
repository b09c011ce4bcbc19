using Duplexity.Protocol;

namespace Duplexity.Links;

/// <summary>Calls on the control connection, which the first one opens, each as one of the connection's clients. Thread-safe.</summary>
internal sealed class ControlCalls(DuplexityConnection connection, Calls<ControlLink> calls, ControlIdentities identities)
{
    /// <summary>The client that a call acts as.</summary>
    public string Acting(AskOptions? options) => options?.As ?? connection.Identities.Primary;

    /// <summary>The answer, and the link that gave it.</summary>
    /// <exception cref="DuplexityException">It was refused, the client is not held, or there was no answer in time.</exception>
    public Task<(ControlLink Link, TAnswer Answer)> AskAsync<TAnswer>(string client, Func<IControlHub, string, Task<TAnswer>> call, CancellationToken ct)
        where TAnswer : Answer
    {
        connection.NeedControl();
        return calls.AskAsync(
            async link =>
            {
                await identities.EnsureAsync(link, client).ConfigureAwait(false);
                return await call(link.Hub, client).ConfigureAwait(false);
            },
            ct);
    }

    /// <summary>As the other one, as the client that the options name.</summary>
    /// <exception cref="DuplexityException">As the other one.</exception>
    public async Task<TAnswer> AskAsync<TAnswer>(AskOptions? options, Func<IControlHub, string, Task<TAnswer>> call, CancellationToken ct)
        where TAnswer : Answer => (await AskAsync(Acting(options), call, ct).ConfigureAwait(false)).Answer;
}
