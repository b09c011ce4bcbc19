using Duplexity.Protocol;

namespace Duplexity.Server.Hubs;

/// <content>What owners of pipes do about the requests that are kept for them.</content>
internal sealed partial class ControlHub
{
    public Task<ListQueuesResponse> ListQueues(ListQueuesRequest request) => queues.ListAsync(Acting(request).Client, Context.ConnectionAborted);

    public Task<ReadQueueResponse> ReadQueue(ReadQueueRequest request) => queues.ReadAsync(Acting(request).Client, request, Context.ConnectionAborted);

    public Task<Done> ReplayQueued(ReplayQueuedRequest request) => queues.ReplayAsync(Acting(request).Client, request.Id, Whole);

    public Task<Done> DiscardQueued(DiscardQueuedRequest request) => queues.DiscardAsync(Acting(request).Client, request.Id, Whole);

    public Task<Done> RemoveQueue(RemoveQueueRequest request) => queues.RemoveAsync(Acting(request).Client, request.Name, Whole);
}
