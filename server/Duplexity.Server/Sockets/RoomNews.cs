using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>Tells the other nodes what was changed about rooms by hand and about who may follow: they look into the records, and whoever may not be there any more leaves there too. Thread-safe.</summary>
internal sealed class RoomNews(IEngine engine, RoomBook book, Listening listening, DuplexityOptions options) : ISystemListener
{
    // Who changed it has done it already; what it does next goes on from there.
    private readonly string _self = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    /// <inheritdoc/>
    public string Kind => "room";

    /// <summary>A room or a feed is another one now, as the records say; <paramref name="reason"/> is what those are told who may not be there any more.</summary>
    public Task ChangedAsync(Address channel, string reason) => TellAsync(channel, false, reason);

    /// <summary>A room is going to be removed: nobody may do anything there any more, and who is there leaves.</summary>
    public Task ClosingAsync(Address room, string reason) => TellAsync(room, true, reason);

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        var news = JsonSerializer.Deserialize<News>(text)!;
        if (news.By == _self)
        {
            return 0;
        }

        var channel = Address.Parse(news.Channel);
        if (news.IsClosing)
        {
            book.Close(channel.Name);
        }
        else if (channel.Kind == AddressKind.Feed)
        {
            await book.ReadFeedAsync(channel.Name);
        }
        else
        {
            await book.ReadRoomAsync(channel.Name);
        }

        await listening.EvictAsync(channel, news.Reason);
        return 0;
    }

    /// <inheritdoc/>
    public ValueTask RereadAsync() => book.ReadAllAsync();

    private async Task TellAsync(Address channel, bool isClosing, string reason) =>
        await engine.SystemLog.TellAsync(Kind, JsonSerializer.Serialize(new News(_self, channel.ToString(), isClosing, reason)), options.Times.Confirm);

    private sealed record News(string By, string Channel, bool IsClosing, string Reason);
}
