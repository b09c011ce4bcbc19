using Duplexity.Protocol;
using Duplexity.Server.Tunnels.Away;

namespace Duplexity.Server.Api;

/// <summary>The acting client's queues of requests: what the control hub does, asked by HTTP.</summary>
internal sealed class QueueRoutes(QueueDesk queues)
{
    private static readonly ApiParameter Name = new("name", "string", "The pipe's hostname, or its label under the server's domain.", IsInPath: true);

    public ApiRoute[] All { get; } =
    [
        new("GET", "/queues", "listQueues", "The acting client's pipes that keep requests while it is away.", typeof(ListQueuesResponse)) { Handle = async call => await queues.ListAsync(call.Acting.Client, call.Aborted) },
        new("GET", "/queues/{name}/requests", "readQueue", "What one of them keeps: requests that were given up, then those that wait, the oldest first.", typeof(ReadQueueResponse))
        {
            Parameters = [Name, new("after", "string", "Go on behind the request of this id; absent: from the first."), new("limit", "integer", "At most this many, 1 to 1,000; absent: 100.")],
            Handle = async call => await queues.ReadAsync(call.Acting.Client, new ReadQueueRequest { Name = call.Path("name"), After = call.Query("after"), Limit = call.Count("limit") }, call.Aborted),
        },
        new("DELETE", "/queues/{name}", "removeQueue", "Ends a queue, with all that it keeps.", typeof(Done)) { Parameters = [Name], Handle = RemoveAsync(queues) },
        new("POST", "/queues/replay", "replayQueued", "Puts a request that was given up at the end of its queue.", typeof(Done))
        {
            Takes = typeof(ReplayQueuedRequest), Needs = ["id"], Handle = async call => await queues.ReplayAsync(call.Acting.Client, (await call.ReadAsync<ReplayQueuedRequest>()).Id, CancellationToken.None),
        },
        new("POST", "/queues/discard", "discardQueued", "Throws a kept request away.", typeof(Done))
        {
            Takes = typeof(DiscardQueuedRequest), Needs = ["id"], Handle = async call => await queues.DiscardAsync(call.Acting.Client, (await call.ReadAsync<DiscardQueuedRequest>()).Id, CancellationToken.None),
        },
    ];

    private static Func<ApiCall, Task<Answer>> RemoveAsync(QueueDesk queues) => async call =>
    {
        await call.ReadNothingAsync();
        return await queues.RemoveAsync(call.Acting.Client, call.Path("name"), CancellationToken.None);
    };
}
