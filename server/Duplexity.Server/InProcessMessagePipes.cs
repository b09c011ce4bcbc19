using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using static Duplexity.Server.ApplicationActing;

namespace Duplexity.Server;

/// <inheritdoc/>
internal sealed class InProcessMessagePipes(MessagePipeCalls calls) : IDuplexityMessagePipes
{
    public async Task<IReadOnlyList<MessagePipe>> SetAsync(IReadOnlyCollection<MessagePipe> pipes, CancellationToken ct = default) =>
        Accepted(await calls.SetAsync(Itself, new SetMessagePipesRequest { Pipes = [.. pipes] }, ct)).Pipes!;

    public async Task<IReadOnlyList<MessagePipe>> ListAsync(CancellationToken ct = default) => (await calls.ListAsync(Itself, ct)).Pipes!;

    public async Task RemoveAsync(string id, CancellationToken ct = default) => Accepted(await calls.RemoveAsync(Itself, new RemoveMessagePipesRequest { Ids = [id] }, ct));
}
