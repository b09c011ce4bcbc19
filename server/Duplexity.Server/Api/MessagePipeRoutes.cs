using Duplexity.Protocol;
using Duplexity.Server.Hubs;

namespace Duplexity.Server.Api;

/// <summary>The acting client's message pipes: what the control hub does, asked by HTTP. They have the rights of the token or key by which they were set.</summary>
internal sealed class MessagePipeRoutes(MessagePipeCalls pipes)
{
    public ApiRoute[] All { get; } =
    [
        new("GET", "/message-pipes", "listMessagePipes", "The acting client's message pipes, each with its state and the place to which it has come.", typeof(MessagePipesResponse)) { Handle = async call => await pipes.ListAsync(call.Acting, call.Aborted) },
        new("POST", "/message-pipes", "setMessagePipes", "Sets message pipes, all or none: new ones begin at the top of their source, and those of an id that is there are changed.", typeof(MessagePipesResponse))
        {
            Takes = typeof(SetMessagePipesRequest), Needs = ["pipes"], Handle = async call => await pipes.SetAsync(call.Acting, await call.ReadAsync<SetMessagePipesRequest>(), CancellationToken.None),
        },
        new("DELETE", "/message-pipes/{id}", "removeMessagePipe", "Removes a message pipe; what it has not carried yet stays where it is.", typeof(Done)) { Parameters = [new("id", "string", "The pipe's id.", IsInPath: true)], Handle = RemoveAsync(pipes) },
    ];

    private static Func<ApiCall, Task<Answer>> RemoveAsync(MessagePipeCalls pipes) => async call =>
    {
        await call.ReadNothingAsync();
        return await pipes.RemoveAsync(call.Acting, new RemoveMessagePipesRequest { Ids = [call.Path("id")] }, CancellationToken.None);
    };
}
