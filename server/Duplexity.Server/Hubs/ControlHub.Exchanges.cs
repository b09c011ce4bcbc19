using Duplexity.Protocol;

namespace Duplexity.Server.Hubs;

/// <summary>What came in at public pipes.</summary>
internal sealed partial class ControlHub
{
    public Task<ListExchangesResponse> ListExchanges(ListExchangesRequest request) => exchanges.ListAsync(Acting(request), request, Context.ConnectionAborted);

    public Task<ReadExchangeResponse> ReadExchange(ReadExchangeRequest request) => exchanges.ReadAsync(Acting(request), request, Context.ConnectionAborted);

    public Task<ReplayExchangeResponse> ReplayExchange(ReplayExchangeRequest request) => exchanges.ReplayAsync(Acting(request), request, Whole);

    public Task<ListExchangesResponse> WatchExchanges(WatchExchangesRequest request) =>
        exchanges.WatchAsync(Connection, Acting(request), request, hub.Clients.Client(Context.ConnectionId).ExchangesKept, Context.ConnectionAborted);
}
