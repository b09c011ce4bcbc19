using Duplexity.Protocol;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>What a client does about its own message pipes. They act as the client that set them, with the rights of the token by which it did (G10). Thread-safe.</summary>
internal sealed class MessagePipeCalls(MessagePipes pipes, JoinGates gates)
{
    public async Task<MessagePipesResponse> SetAsync(HeldIdentity acting, SetMessagePipesRequest request, CancellationToken ct)
    {
        if (request.Pipes is not { Length: > 0 } wanted || wanted.Contains(null!))
        {
            return new() { Error = ControlHub.NothingNamed("pipes") };
        }

        foreach (var pipe in wanted)
        {
            if (gates.Read(pipe.From, acting, isRead: true, out _) is { } refused)
            {
                return new() { Error = refused };
            }
        }

        return await pipes.SetAsync(acting.Client, PipeOwners.GrantOf(acting.Identity), wanted, ct);
    }

    public async Task<MessagePipesResponse> ListAsync(HeldIdentity acting, CancellationToken ct) => new() { Pipes = await pipes.ListAsync(acting.Client, ct) };

    public async Task<Done> RemoveAsync(HeldIdentity acting, RemoveMessagePipesRequest request, CancellationToken ct) => request.Ids is { Length: > 0 } ids && !ids.Contains(null!)
        ? new() { Error = await pipes.RemoveAsync(acting.Client, ids, ct) }
        : new() { Error = ControlHub.NothingNamed("ids") };
}
