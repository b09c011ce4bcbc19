using Duplexity.Protocol;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Api;

/// <summary>What is in channels and who, asked by HTTP: by the gates that a join and a delivery pass. Thread-safe.</summary>
internal sealed class Reading(Listening listening)
{
    /// <summary>A page of a channel's log.</summary>
    public async Task<Answer> HistoryAsync(ApiCall call)
    {
        call.TakePage();
        return await listening.HistoryAsync(null, call.Acting, new HistoryRequest
        {
            Channel = call.Path("channel"),
            Since = call.Place("since"),
            Limit = call.Count("limit"),
            Reverse = call.Flag("reverse"),
        });
    }

    /// <summary>Who is in a room, a page.</summary>
    public async Task<Answer> PresenceAsync(ApiCall call)
    {
        call.TakePage();
        return await listening.PresenceAsync(null, call.Acting, new PresenceRequest { Channel = call.Path("channel"), After = call.Query("after"), Limit = call.Count("limit") });
    }
}
