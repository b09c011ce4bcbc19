using Duplexity.Protocol;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Api;

/// <summary>The acting client's own inbox, read and acknowledged without a socket.</summary>
internal sealed class InboxRoutes(Listening listening)
{
    public ApiRoute[] All { get; } =
    [
        new("GET", "/inbox", "readInbox", "A page of the own inbox from where a reader is. Nothing of it is acknowledged: handle it, then acknowledge through its end.", typeof(ApiInboxResponse))
        {
            Parameters = [new("reader", "string", "Which reader's place, at most 128 characters; absent: the one without a name. One that is not there yet is made."), new("limit", "integer", "At most this many, 1 to 1,000; absent: 100.")],
            Handle = ReadAsync(listening),
        },
        new("POST", "/inbox/acknowledge", "acknowledge", "A reader of the own inbox has finished with everything `through` a place, or with the message at a `position` that one of the client's sockets was offered.", typeof(Done))
        {
            Takes = typeof(AcknowledgeRequest), Handle = async call => await AcknowledgeAsync(listening, call.Acting, await call.ReadAsync<AcknowledgeRequest>()),
        },
        new("GET", "/inbox/dead-letters", "listDeadLetters", "What the own inbox gave up, the oldest first.", typeof(DeadLettersResponse))
        {
            Parameters = [new("after", "string", "Go on behind the letter with this message id; absent: from the oldest."), new("limit", "integer", "At most this many, 1 to 1,000; absent: 100.")],
            Handle = DeadLettersAsync(listening),
        },
        new("POST", "/inbox/dead-letters/replay", "replayDeadLetter", "Puts a dead letter into the own inbox anew.", typeof(ReplayResponse))
        {
            Takes = typeof(ReplayRequest), Needs = ["id"], Handle = async call => await listening.ReplayAsync(call.Acting, await call.ReadAsync<ReplayRequest>()),
        },
        new("POST", "/inbox/dead-letters/discard", "discardDeadLetter", "Throws a dead letter away.", typeof(Done))
        {
            Takes = typeof(DiscardRequest), Needs = ["id"], Handle = async call => await listening.DiscardAsync(call.Acting, await call.ReadAsync<DiscardRequest>()),
        },
    ];

    private static Func<ApiCall, Task<Answer>> ReadAsync(Listening listening) => async call =>
    {
        call.TakePage();
        var (page, refused) = await listening.ReadInboxAsync(call.Acting, call.Query("reader"), call.Count("limit"));
        return new ApiInboxResponse { Page = page, Error = refused };
    };

    private static Func<ApiCall, Task<Answer>> DeadLettersAsync(Listening listening) => async call =>
    {
        call.TakePage();
        return await listening.DeadLettersAsync(call.Acting, new DeadLettersRequest { After = call.Query("after"), Limit = call.Count("limit") });
    };

    private static Task<Done> AcknowledgeAsync(Listening listening, HeldIdentity acting, AcknowledgeRequest request) =>
        listening.AcknowledgeAsync(null, acting, request with { Channel = request.Channel ?? Address.Client(acting.Client).ToString() });
}
