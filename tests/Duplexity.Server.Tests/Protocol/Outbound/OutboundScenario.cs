using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Tests.Protocol.Outbound;

/// <summary>
/// A node in use: several clients on a socket, rooms whose members are hidden, presence, watches, locks, lockspaces, inboxes, pipes, challenges, traces, errors and ends. Some words are known to a few only.
/// </summary>
internal sealed class OutboundScenario(TestNode node, OutboundRig rig)
{
    private static readonly (string Name, object Value)[] Admin = [("role", "admin")];

    /// <summary>What the node says at least once; <c>Draining</c> is said beside other nodes only.</summary>
    public IReadOnlyCollection<string> Expected { get; } =
    [
        .. typeof(IDataClient).GetMethods().Select(m => m.Name).Except([nameof(IDataClient.Advanced), nameof(IDataClient.ReauthenticateSoon), nameof(IDataClient.Draining)]), nameof(IControlClient.SocketsChanged),
        .. typeof(IDataHub).GetMethods().Select(m => m.Name), "refused by SignalR", "Trace", "Explain", "ListSockets", "LimitSocket", "SetFeed", "ListRooms", "SetMessagePipes", "ListMessagePipes",
    ];

    /// <summary>Words, and the sockets that may be told them.</summary>
    public Dictionary<string, string[]> Secrets { get; } = [];

    public async Task RunAsync()
    {
        // Amelia's socket is Ghostly too, and nobody else may know; Veronica is in a room whose members are hidden, and never says a word.
        var duo = await rig.DataAsync("duo", "amelia", "?session=session-of-duo");
        var carol = await rig.DataAsync("carol", "carol");
        var veronica = await rig.DataAsync("veronica", "veronica");
        var stranger = await rig.DataAsync("stranger", "stranger", "", ("duplexity", new { send = new[] { "room:lobby" }, join = new[] { "room:lobby" }, receive = new[] { "room:lobby" }, publish = Array.Empty<string>() }));
        var desk = await rig.ControlAsync("desk", "amelia");
        var root = await rig.ControlAsync("root", "root", Admin);
        Secrets["ghostly"] = ["duo", "root"];
        Secrets["veronica"] = ["veronica", "root"];
        Secrets[veronica.Id] = ["veronica", "root"];
        Secrets["session-of-duo"] = ["duo"];
        Secrets["hidden-room"] = ["duo", "carol", "veronica", "root", "desk"];
        Secrets["text-for-amelia"] = ["duo", "second"];
        Secrets["work-for-carol"] = ["carol"];
        Secrets["key-of-amelia"] = [];
        Secrets["sesame-key"] = [];
        Secrets["lockspace-key"] = [];
        Secrets["task-of-the-exam"] = ["carol"];

        var changes = desk.Hear<SocketsChangedEvent>("SocketsChanged");
        await WatchAsync(desk, root);
        await IdentitiesAsync(duo);
        await RoomsAsync(duo, carol, veronica, stranger, root);
        await MessagesAsync(duo, carol, stranger);
        await InboxAsync(duo, carol);
        await LocksAsync(duo, carol, desk);
        await ChallengesAsync(carol);
        await changes.ReadAsync().Soon();
        await SteeringAsync(duo, desk, root, carol);
        await ErrorsAsync(carol, stranger);
        await EndsAsync(duo, carol, desk, root);
    }

    private static async Task WatchAsync(StockSocket desk, StockSocket root)
    {
        await desk.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest { Watch = "mine" });
        await root.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest { Client = "*" });
        await root.InvokeAsync<TraceResponse>("Trace", new TraceRequest { Start = "client:amelia" });
    }

    private async Task IdentitiesAsync(StockSocket duo)
    {
        await duo.InvokeAsync<OpenResponse>("Open", new OpenRequest { Session = "session-of-duo", Direct = DirectRule.Anyone });
        await duo.AuthenticateAsync(rig.Token("ghostly"));
        (await duo.InvokeAsync<IdentityResponse>("Refresh", new RefreshRequest { Token = rig.Token("ghostly") })).Error.Should().BeNull();
        (await duo.InvokeAsync<Done>("SetPrimary", new SetPrimaryRequest { Client = "amelia" })).Error.Should().BeNull();
        (await duo.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "ghostly", Channel = "room:ghosts" })).Error.Should().BeNull();
    }

    private static async Task RoomsAsync(StockSocket duo, StockSocket carol, StockSocket veronica, StockSocket stranger, StockSocket root)
    {
        (await root.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "hidden-room", Policy = new() { SeePresence = ["owner"], ReadHistory = ["*"] } })).Error.Should().BeNull();
        await veronica.JoinAsync("room:hidden-room");
        var told = duo.Hear<PresenceChangedEvent>("PresenceChanged");
        foreach (var room in (string[])["room:hidden-room", "room:lobby"])
        {
            await duo.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "amelia", Channel = room, Presence = true });
            await carol.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = room, Presence = true });
            await carol.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = room });
            await carol.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = room, CountOnly = true });
        }

        await stranger.JoinAsync("room:lobby", last: 5);
        await told.ReadAsync().Soon();
        await stranger.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:lobby" });
        await stranger.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "room:lobby" });
        await told.ReadAsync().Soon();
        await stranger.JoinAsync("room:lobby", last: 5);
    }

    private static async Task MessagesAsync(StockSocket duo, StockSocket carol, StockSocket stranger)
    {
        await duo.InvokeAsync<SendResponse>("Send", new SendRequest
        {
            As = "amelia",
            To = ["room:lobby", "room:hidden-room", "no address", "service:entry"],
            Text = "hello",
            Type = "Greeting",
            ContentType = "text/plain",
            Headers = new() { ["h"] = "v" },
            IdempotencyKey = "key-of-amelia",
        });
        var heard = await carol.NextAsync();
        await carol.InvokeAsync<SendResponse>("Send", new SendRequest { To = [$"socket:{duo.Id}"], Bytes = [1, 2], Re = heard.Id });
        await duo.InvokeAsync<SendResponse>("Emit", new EmitRequest { As = "ghostly", Text = "boo" });
        await duo.InvokeAsync<SendResponse>("Emit", new EmitRequest { As = "amelia", Text = "to all" });
        await stranger.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:lobby", Limit = 1 });
        await carol.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:lobby", Since = new(0, ""), Limit = 5 });
        (await stranger.NextAsync()).Text.Should().Be("hello");
    }

    private async Task InboxAsync(StockSocket duo, StockSocket carol)
    {
        var second = await rig.DataAsync("second", "amelia");
        var withdrawn = second.Hear<WithdrawnEvent>("Withdrawn");
        await second.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:amelia", Ack = AckWord.Manual, Reader = "laptop" });
        await carol.SendAsync("text-for-amelia", "client:amelia");
        await duo.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "amelia", Channel = "client:amelia", Ack = AckWord.Manual, Reader = "laptop" });
        for (var message = await duo.NextAsync(); ; message = await duo.NextAsync())
        {
            if (message.Text == "text-for-amelia")
            {
                await duo.InvokeAsync<Done>("Acknowledge", new AcknowledgeRequest { As = "amelia", Channel = "client:amelia", Reader = "laptop", Position = message.Position });
                break;
            }
        }

        await withdrawn.ReadAsync().Soon();
        await duo.InvokeAsync<DeadLettersResponse>("DeadLetters", new DeadLettersRequest { As = "amelia" });
        await duo.InvokeAsync<ReplayResponse>("Replay", new ReplayRequest { As = "amelia", Id = "none" });
        await duo.InvokeAsync<Done>("Discard", new DiscardRequest { As = "amelia", Id = "none" });

        await duo.SendAsAsync("amelia", "work-for-carol", "client:carol");
        await carol.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:carol", Ack = AckWord.Claim, Hands = 1 });
        var work = await carol.NextAsync();
        for (; work.Text != "work-for-carol"; work = await carol.NextAsync())
        {
        }

        (await carol.InvokeAsync<RenewClaimResponse>("RenewClaim", new RenewClaimRequest { Channel = "client:carol", Position = work.Position, Attempt = work.Attempt ?? 1 })).Error.Should().BeNull();
        (await carol.InvokeAsync<Done>("ReturnClaim", new ReturnClaimRequest { Channel = "client:carol", Position = work.Position, Attempt = work.Attempt ?? 1, AfterMs = 60_000 })).Error.Should().BeNull();
    }

    private async Task LocksAsync(StockSocket duo, StockSocket carol, StockSocket desk)
    {
        await desk.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "board", Channel = true });
        await desk.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "exam", Hold = true, Key = "lockspace-key", Task = "task-of-the-exam" });
        await carol.JoinAsync("lockspace:board");
        var told = carol.Hear<LockChangedEvent>("LockChanged");
        var contended = duo.Hear<LockChangedEvent>("LockChanged");
        var held = await duo.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { As = "amelia", Lockspace = "board", Name = "card", Ticket = "ticket-of-amelia" });
        Secrets["ticket-of-amelia"] = ["duo"];
        Secrets[$"{held.Token}"] = ["duo", "carol"];
        (await carol.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card", WaitMs = 60_000 })).State.Should().Be(LockState.Queued);
        await contended.ReadAsync().Soon();
        await duo.InvokeAsync<RenewLockResponse>("RenewLock", new RenewLockRequest { As = "amelia", Lockspace = "board", Name = "card", Token = held.Token });
        await duo.InvokeAsync<SendResponse>("Send", new SendRequest { As = "amelia", To = ["room:lobby"], Text = "under a lock", Under = new() { Lock = "board/card", Token = held.Token } });
        await duo.InvokeAsync<Done>("ReleaseLock", new ReleaseLockRequest { As = "amelia", Lockspace = "board", Name = "card", Token = held.Token });
        var granted = await told.ReadAsync().Soon();
        granted.State.Should().Be(LockState.Granted);
        Secrets[$"{granted.Token}"] = ["carol"];

        var confined = carol.Hear<HeldChangedEvent>("HeldChanged");
        await carol.JoinAsync("lockspace:exam");
        await confined.ReadAsync().Soon();
        (await carol.SendAsync("x", "room:lobby")).Error!.Name.Should().Be("held");
        (await carol.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "lockspace:exam", Key = "wrong" })).Error.Should().NotBeNull();
        (await carol.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "lockspace:exam", Key = "lockspace-key" })).Error.Should().BeNull();
        await confined.ReadAsync().Soon();
    }

    private static async Task ChallengesAsync(StockSocket carol)
    {
        var asked = carol.Hear<ChallengeEvent>("Challenge");
        var changed = carol.Hear<ReceiptChangedEvent>("ReceiptChanged");
        (await carol.SendAsync("held", "room:safe")).Level.Should().Be("held");
        var challenge = await asked.ReadAsync().Soon();
        (await carol.InvokeAsync<Done>("AnswerChallenge", new AnswerChallengeRequest { Id = challenge.Id, Key = "wrong" })).Error.Should().NotBeNull();
        (await carol.InvokeAsync<Done>("AnswerChallenge", new AnswerChallengeRequest { Id = challenge.Id, Key = "sesame-key" })).Error.Should().BeNull();
        (await changed.ReadAsync().Soon()).Error.Should().BeNull();
    }

    private static async Task SteeringAsync(StockSocket duo, StockSocket desk, StockSocket root, StockSocket carol)
    {
        await desk.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest());
        await root.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest { Client = "*" });
        var told = duo.Hear<AllowancesChangedEvent>("AllowancesChanged");
        await desk.InvokeAsync<LimitSocketResponse>("LimitSocket", new LimitSocketRequest { SocketId = duo.Id, Allowances = new() { Limits = new() { Messages = 1_000, WindowMs = 1_000 } } });
        await told.ReadAsync().Soon();
        await desk.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "send", Target = "room:lobby" });
        await desk.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "publish", Target = "cat1" });
        await desk.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["client:carol"] });
        await root.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest());
        await desk.InvokeAsync<ListRoomsResponse>("ListRooms", new ListRoomsRequest());
        await desk.InvokeAsync<MessagePipesResponse>("SetMessagePipes", new SetMessagePipesRequest { Pipes = [new() { Id = "copies", From = "room:source", To = ["room:lobby"], Filter = new() { Type = "Copy" }, Limit = new() { Messages = 10, WindowMs = 1_000 } }] });
        var sent = await duo.InvokeAsync<SendResponse>("Send", new SendRequest { As = "amelia", To = ["room:source"], Text = "through a pipe", Type = "Copy" });
        while ((await carol.NextAsync()).Text != "through a pipe")
        {
        }

        await desk.InvokeAsync<MessagePipesResponse>("ListMessagePipes", new ListMessagePipesRequest());
        (await root.InvokeAsync<TraceResponse>("Trace", new TraceRequest { MessageId = sent.MessageId })).Hops.Should().NotBeEmpty();
        (await desk.InvokeAsync<TraceResponse>("Trace", new TraceRequest { MessageId = sent.MessageId })).Hops.Should().BeNull();
    }

    private static async Task ErrorsAsync(StockSocket carol, StockSocket stranger)
    {
        (await carol.SendAsync("x", "room:broken")).Error.Should().NotBeNull();
        (await carol.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:broken" })).Error.Should().NotBeNull();
        (await stranger.SendAsync("x", "client:nobody-there")).Error!.Name.Should().Be("unknown_destination");
        (await stranger.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:elsewhere" })).Error.Should().NotBeNull();
        (await stranger.SendAsAsync("somebody", "x", "room:lobby")).Error!.Name.Should().Be("identity_not_held");
        (await stranger.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = "no token" })).Error.Should().NotBeNull();
        await stranger.Hub.Invoking(h => h.InvokeCoreAsync("Shout", typeof(object), [1])).Should().ThrowAsync<HubException>();
        await stranger.Hub.Invoking(h => h.InvokeCoreAsync("Join", typeof(object), [1])).Should().ThrowAsync<HubException>();
    }

    private async Task EndsAsync(StockSocket duo, StockSocket carol, StockSocket desk, StockSocket root)
    {
        var left = carol.Hear<LeftEvent>("Left");
        var joined = carol.Hear<JoinedEvent>("Joined");
        await ((IDuplexity)node.Services.GetService(typeof(IDuplexity))!).SubscribeAsync("carol", Address.Room("placed"));
        await joined.ReadAsync().Soon();
        await root.InvokeAsync<Done>("RemoveRoom", new RemoveRoomRequest { Name = "hidden-room" });
        await left.ReadAsync().Soon();
        var changed = duo.Hear<IdentitiesChangedEvent>("IdentitiesChanged");
        await duo.InvokeAsync<Done>("Drop", new DropRequest { Client = "ghostly" });
        await changed.ReadAsync().Soon();
        await root.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest { Client = "carol" });
        await carol.Closed;
        await desk.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{duo.Id}", Reason = "enough" });
        await duo.Closed;
    }
}
