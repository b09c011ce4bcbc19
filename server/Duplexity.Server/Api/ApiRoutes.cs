using Duplexity.Protocol;
using Duplexity.Server.Auth;

namespace Duplexity.Server.Api;

/// <summary>The operations of the HTTP API, each once: what is mapped and what <c>openapi.json</c> describes come from here.</summary>
internal sealed class ApiRoutes(
    Publishing publishing, Reading reading, Steering steering, Placing placing, RoomRoutes rooms, LockspaceRoutes lockspaces, InboxRoutes inboxes, MessagePipeRoutes messagePipes, QueueRoutes queues, NameRoutes names, ExchangeRoutes exchanges, NodeRoutes nodes)
{
    private static readonly ApiParameter Channel = new("channel", "string", "The channel's address, such as `room:lobby`; a slash in a name is written `%2F`.", IsInPath: true);
    private static readonly ApiParameter Socket = new("id", "string", "The SOCK_ID.", IsInPath: true);
    private static readonly ApiParameter Client = new("client", "string", "The CID.", IsInPath: true);
    private static readonly ApiParameter Whose = new("client", "string", "Whose: a CID, or `*` for all, for an administrator; absent: the acting client's own.");
    private static readonly ApiParameter[] Closing =
    [
        new("reason", "string", "What the disconnected are told."),
        new("blockMs", "integer", "For how long they are refused if they come back all the same, in milliseconds, at most 24 hours; absent: five minutes."),
    ];

    /// <summary>All of them, in the order of the description.</summary>
    public ApiRoute[] All { get; } =
    [
        new("POST", "/messages", "publish", "Sends a message to one channel or several, in one step. The answer is the receipt.", typeof(SendResponse))
        {
            Takes = typeof(ApiMessage), Needs = ["to"], Handle = publishing.SendAsync,
        },
        new("POST", "/messages/batch", "publishBatch", "Sends up to 100 messages, in their order. Each is taken or refused by itself: the status is 200, and each receipt has its own error or none.", typeof(ApiBatchResponse))
        {
            Takes = typeof(ApiBatch), Needs = ["messages"], Handle = publishing.SendBatchAsync,
        },
        new("POST", "/emit", "emit", "Sends a message to the acting client's feed: its followers and its own sockets.", typeof(SendResponse)) { Takes = typeof(ApiEmit), Handle = publishing.EmitAsync },
        new("GET", "/channels/{channel}/messages", "readHistory", "Reads a page of a channel's log.", typeof(HistoryResponse))
        {
            Parameters =
            [
                Channel,
                new("since", "string", "Read behind this place (before it, in reverse), as `OFFSET@EPOCH`; absent: from the start (from the end, in reverse)."),
                new("limit", "integer", "At most this many, 1 to 1,000; absent: 100."),
                new("reverse", "boolean", "Newest first."),
            ],
            Handle = reading.HistoryAsync,
        },
        new("GET", "/channels/{channel}/presence", "readPresence", "Who is in a room, by client with its sockets, a page at a time.", typeof(PresenceResponse))
        {
            Parameters = [Channel, new("after", "string", "Those behind this client, as `next` of the page before; absent: from the first."), new("limit", "integer", "At most this many clients, 1 to 1,000; absent: 1,000.")],
            Handle = reading.PresenceAsync,
        },
        new("GET", "/sockets", "listSockets", "The sockets of the acting client, or of whom it may administer.", typeof(ListSocketsResponse)) { Parameters = [Whose], Handle = steering.ListSocketsAsync },
        new("GET", "/sockets/{id}", "showSocket", "One socket: an entry for each of its clients that the acting client is or may administer.", typeof(ListSocketsResponse)) { Parameters = [Socket], Handle = steering.ShowSocketAsync },
        new("DELETE", "/sockets/{id}", "closeSocket", "Takes the acting client off one of its sockets; whoever may administer all clients on it closes it whole.", typeof(ForceDisconnectResponse))
        {
            Parameters = [Socket, .. Closing], Handle = steering.CloseSocketAsync,
        },
        new("DELETE", "/clients/{client}/sockets", "closeClientSockets", "Closes all sockets and sessions of a client.", typeof(ForceDisconnectResponse)) { Parameters = [Client, .. Closing], Handle = steering.CloseClientAsync },
        new("GET", "/pipes", "listPipes", "The public pipes of the acting client, or of whom it may administer.", typeof(ListPipesResponse)) { Parameters = [Whose], Handle = steering.ListPipesAsync },
        new("POST", "/explain", "explain", "Which gate would refuse an operation, and why; nothing is done or counted. Without a socket the case is that of this very request.", typeof(ExplainResponse))
        {
            Takes = typeof(ExplainRequest), Needs = ["operation", "target"], Handle = steering.ExplainAsync,
        },
        new("POST", "/revocations", "revoke", "Ends the tokens of a client up to a time, or one token. When the answer has come, it is in force.", typeof(RevokeResponse)) { Takes = typeof(RevokeRequest), Handle = steering.RevokeAsync },
        new("POST", "/clients/{client}/disable", "disableClient", "Forbids a client everything until it is enabled again.", typeof(RevokeResponse)) { Parameters = [Client], Handle = steering.DisableAsync },
        new("POST", "/clients/{client}/enable", "enableClient", "Allows a disabled client to come back; its old tokens stay ended.", typeof(RevokeResponse)) { Parameters = [Client], Handle = steering.EnableAsync },
        new("DELETE", "/clients/{client}", "removeClient", "Removes a client for good, with its inbox, feed, keys, sign-ins and pipes. Its name is never given again.", typeof(RevokeResponse)) { Parameters = [Client], Handle = steering.RemoveAsync },
        new("PUT", "/clients/{client}/channels/{channel}", "subscribeClient", "Lets all open sockets of a client that the acting client may administer listen to a room or a feed that the acting client may join itself, as if they had joined; no gate is asked of them.", typeof(ApiPlacedResponse))
        {
            Parameters = [Client, Channel], Handle = placing.SubscribeAsync,
        },
        new("DELETE", "/clients/{client}/channels/{channel}", "unsubscribeClient", "Ends what the open sockets of a client that the acting client may administer listen to; they may join again.", typeof(ApiPlacedResponse))
        {
            Parameters = [Client, Channel, new("reason", "string", "What the sockets are told; at most 256 characters of it.")], Handle = placing.UnsubscribeAsync,
        },
        .. rooms.All,
        .. lockspaces.All,
        .. inboxes.All,
        .. messagePipes.All,
        .. queues.All,
        .. names.All,
        .. exchanges.All,
        .. nodes.All,
        new("POST", "/tokens", "createToken", "Makes an access token for a client that the acting client may administer.", typeof(TokenAnswer)) { Takes = typeof(Minting), Needs = ["client"] },
    ];
}
