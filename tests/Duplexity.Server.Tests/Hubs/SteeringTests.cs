using System.Reflection;
using System.Threading.Channels;
using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Seeing and steering one's own sockets, and what an administrator may beyond that (1.10, 2.39).</summary>
public sealed class SteeringTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_client_watches_its_sockets_come_use_and_go_and_sees_nobody_elses()
    {
        await using var node = await TestNode.StartAsync();
        await using var first = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        var changes = Changes(control);

        var present = await control.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest());
        await using var bens = await StockSocket.DataAsync(node, "ben");
        await bens.SendAsync("x", "room:x");
        var second = await StockSocket.DataAsync(node, "amy");
        var connected = await changes.ReadAsync().Soon();
        await second.JoinAsync("room:lobby");
        var changed = await changes.ReadAsync().Soon();
        await second.SendAsync("x", "room:lobby");
        var used = await changes.ReadAsync().Soon();
        await second.DisposeAsync();
        var gone = await changes.ReadAsync().Soon();

        present.Sockets!.Select(s => s.SocketId).Should().Equal(first.Id);
        present.Sockets![0].Allowances.Send.Should().Equal("*");
        new[] { connected, changed, used, gone }.Select(c => (c.Kind, c.Socket.SocketId)).Should().Equal(
            ("connected", second.Id), ("changed", second.Id), ("used", second.Id), ("gone", second.Id));
        changed.Socket.Channels.Should().Contain("room:lobby");
        changed.Socket.Use.Should().BeEquivalentTo(new { Rooms = 1, Sockets = 2, Sent = 0L });
        used.Socket.Use.Sent.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Guarantee", "G10")]
    public async Task Other_clients_on_a_shared_socket_are_hidden()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await socket.AuthenticateAsync(node.Token("amy"));
        await socket.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "ben", Channel = "room:bens" });
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");

        var seen = (await control.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest())).Sockets!.Single();

        seen.SocketId.Should().Be(socket.Id);
        seen.Client.Should().Be("amy");
        seen.Channels.Should().Contain("feed:amy").And.NotContain(c => c.Contains("ben"));
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "2.39")]
    public async Task An_administrator_sees_watches_and_closes_all_and_nobody_else_does()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.SocketsPerClient = 10);
        await using var amy = await StockSocket.DataAsync(node, "amy", query: "?session=laptop");
        await using var ben = await StockSocket.DiscoveredAsync(node, "ben");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));

        foreach (var client in (string[])["*", "amy"])
        {
            (await ben.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest { Client = client })).Error!.Name.Should().Be("denied");
            (await ben.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest { Client = client })).Error!.Name.Should().Be("denied");
            (await ben.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest { Client = client })).Error!.Name.Should().Be("denied");
            (await admin.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest { Client = client })).Error.Should().BeNull();
            (await admin.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest { Client = client })).Sockets!.Select(s => s.Client).Should().Equal("amy");
        }

        (await ben.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = "client:amy" })).Error!.Name.Should().Be("denied");
        (await ben.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{amy.Id}" })).Error!.Name.Should().Be("denied");
        (await admin.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = "client:amy", Reason = "enough" })).Sockets.Should().Be(1);
        (await amy.Disconnected).Should().BeEquivalentTo(new { Code = 521, Reason = "enough", Retry = "never" });
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task Who_is_forced_out_while_it_is_being_taken_on_does_not_stay()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        var socket = node.Services.GetRequiredService<SocketIndex>().OfClient("amy").Single();
        var held = socket.Identities.Find("amy")!;

        // The order to force amy out has found nobody: this socket was not hers yet.
        await node.Services.GetRequiredService<Blocks>().KeepAwayAsync("amy", null, TimeSpan.FromMinutes(1));
        var isEnded = await node.Services.GetRequiredService<IdentityChanges>().EndIfRevokedAsync(socket, held.Identity);

        isEnded.Should().BeTrue();
        socket.Identities.Find("amy").Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.39")]
    [Trait("Guarantee", "G21")]
    public async Task Who_was_forced_out_is_kept_away_for_its_time_by_every_door()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));

        await admin.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = "client:amy", BlockMs = 60_000 });

        foreach (var door in (string[])["data", "control"])
        {
            await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, door), n.Token("amy"))).Should().ThrowAsync<Exception>().WithMessage("*403*");
        }

        (await ben.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") })).Error!.RetryAfterMs.Should().BeInRange(1, 60_001);
        time.Advance(TimeSpan.FromSeconds(61));
        (await ben.AuthenticateAsync(node.Token("amy"))).Client.Should().Be("amy");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Guarantee", "G10")]
    [Trait("Guarantee", "G21")]
    public async Task A_client_takes_itself_off_a_socket_that_others_share_and_that_program_stays_away()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben", query: "?session=phone");
        await socket.AuthenticateAsync(node.Token("amy"));
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");

        var closed = await control.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{socket.Id}" });

        closed.Sockets.Should().Be(1);
        (await socket.SendAsAsync("amy", "x", "room:x")).Error!.Code.Should().Be(201);
        (await socket.SendAsAsync("ben", "x", "room:x")).Error.Should().BeNull();
        (await socket.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") })).Error!.Name.Should().Be("denied");
        await using var elsewhere = await StockSocket.DataAsync(node, "amy");
        elsewhere.Welcome.Clients.Should().Equal("amy");
    }

    [Fact]
    [Trait("Requirement", "2.40")]
    public async Task Nothing_that_is_sent_after_the_answer_of_a_forced_disconnect_is_taken_and_what_was_stored_is_delivered()
    {
        await using var node = await TestNode.StartAsync();
        await using var reader = await StockSocket.DataAsync(node, "ben");
        await reader.JoinAsync("room:lobby");
        await using var sender = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        var sends = Enumerable.Range(0, 200).Select(i => TryAsync(sender, $"{i}")).ToArray();

        await control.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{sender.Id}" });
        (await TryAsync(sender, "after the answer")).Should().BeFalse();

        var stored = (await Task.WhenAll(sends)).Count(s => s);
        await using var other = await StockSocket.DataAsync(node, "cleo");
        await other.SendAsync("the end", "room:lobby");
        var heard = new List<string?>();
        for (var text = ""; text != "the end"; text = (await reader.NextAsync()).Text)
        {
            heard.Add(text);
        }

        heard.Skip(1).Should().HaveCountGreaterThanOrEqualTo(stored).And.NotContain("after the answer");
    }

    [Fact]
    [Trait("Requirement", "3.12")]
    [Trait("Guarantee", "G10")]
    public async Task As_one_of_several_a_connection_may_do_what_that_one_alone_may_do_on_every_method_of_both_hubs()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.Options = o => o.Rooms["staff"] = new();
        });
        await using var bens = await StockSocket.DiscoveredAsync(node, "ben");
        (await bens.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "bens", Policy = new() { SeePresence = ["owner"], Join = ["owner"], ReadHistory = ["owner"], Send = ["owner"] } })).Error.Should().BeNull();
        foreach (var hub in (Type[])[typeof(IDataHub), typeof(IControlHub)])
        {
            foreach (var method in hub.GetMethods().Where(m => m.Name != "Disconnect"))
            {
                // A fresh pair for each, because some of them end things.
                var path = new Uri(node.Address, hub == typeof(IDataHub) ? "data" : "control");
                await using var both = await StockSocket.ConnectAsync(path, node.Token("ben", null, ("role", "admin")));
                await using var alone = await StockSocket.ConnectAsync(path, node.Token("amy"));
                if (hub == typeof(IControlHub))
                {
                    await both.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
                }

                await both.AuthenticateAsync(node.Token("amy"));
                if (hub == typeof(IControlHub))
                {
                    await both.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { As = "amy" });
                    await alone.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
                }

                if (method.Name is "ClosePipe" or "CreateLink" or "GrantVisit" || method.Name.Contains("Exchange") || method.Name.Contains("Queue"))
                {
                    (await both.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { As = "ben", Pipes = [new() { Name = "bens", Resource = "http://localhost:1", Inspect = true }] })).Error.Should().BeNull();
                }

                if (method.Name == "ReleaseName")
                {
                    (await both.InvokeAsync<NamesResponse>("ReserveName", new ReserveNameRequest { As = "ben", Name = "bens" })).Error.Should().BeNull();
                }

                foreach (var request in Cases(method, node))
                {
                    var answer = await AskAsync(both, method, request);
                    (answer.Error?.Code, answer.Error?.Gate).Should().Be(
                        (await AskAsync(alone, method, request)) is var expected ? (expected.Error?.Code, expected.Error?.Gate) : default, $"{method.Name} {System.Text.Json.JsonSerializer.Serialize(request, request.GetType())}");
                }
            }
        }
    }

    /// <summary>What amy might ask that ben, an administrator, may, and what she may herself.</summary>
    private static IEnumerable<Request> Cases(MethodInfo method, TestNode node) => method.Name switch
    {
        "Open" => [new OpenRequest { As = "amy", Session = "s" }],
        "Authenticate" => [new AuthenticateRequest { As = "amy", Token = "nonsense" }, new AuthenticateRequest { As = "amy", Token = node.Token("cleo") }],
        "Refresh" => [new RefreshRequest { As = "amy", Token = node.Token("ben") }, new RefreshRequest { As = "amy", Token = node.Token("amy") }],
        "Drop" => [new DropRequest { As = "amy", Client = "ben" }],
        "SetPrimary" => [new SetPrimaryRequest { As = "amy", Client = "ben" }, new SetPrimaryRequest { As = "amy", Client = "amy" }],
        "Send" => [new SendRequest { As = "amy", Text = "x", To = ["feed:ben"] }, new SendRequest { As = "amy", Text = "x", To = ["room:x"] }, new SendRequest { As = "amy", Text = "x", To = ["room:bens"] }],
        "Emit" => [new EmitRequest { As = "amy", Text = "x" }],
        "Join" => [new JoinRequest { As = "amy", Channel = "client:ben" }, new JoinRequest { As = "amy", Channel = "room:x" }, new JoinRequest { As = "amy", Channel = "room:bens" }, new JoinRequest { As = "amy", Channel = "feed:ben" }],
        "Leave" => [new LeaveRequest { As = "amy", Channel = "feed:ben" }, new LeaveRequest { As = "amy", Channel = "feed:amy" }],
        "History" => [new HistoryRequest { As = "amy", Channel = "client:ben" }, new HistoryRequest { As = "amy", Channel = "client:amy" }, new HistoryRequest { As = "amy", Channel = "room:bens" }],
        "Presence" => [new PresenceRequest { As = "amy", Channel = "room:x" }, new PresenceRequest { As = "amy", Channel = "room:bens" }, new PresenceRequest { As = "amy", Channel = "feed:ben" }],
        "Acknowledge" => [new AcknowledgeRequest { As = "amy", Channel = "client:ben", Through = Position.Start }, new AcknowledgeRequest { As = "amy", Channel = "client:amy", Through = Position.Start }],
        "DeadLetters" => [new DeadLettersRequest { As = "amy" }],
        "RenewClaim" => [new RenewClaimRequest { As = "amy", Channel = "client:ben", Position = Position.Start, Attempt = 1 }, new RenewClaimRequest { As = "amy", Channel = "client:amy", Position = Position.Start, Attempt = 1 }],
        "ReturnClaim" => [new ReturnClaimRequest { As = "amy", Channel = "client:ben", Position = Position.Start, Attempt = 1 }, new ReturnClaimRequest { As = "amy", Channel = "client:amy", Position = Position.Start, Attempt = 1 }],
        "Discard" => [new DiscardRequest { As = "amy", Id = "bens" }],
        "Replay" => [new ReplayRequest { As = "amy", Id = "bens" }],
        "AnswerChallenge" => [new AnswerChallengeRequest { As = "amy", Id = "none", Token = node.Token("ben") }],
        "Trace" => [new TraceRequest { As = "amy", Start = "client:ben" }, new TraceRequest { As = "amy", MessageId = "none" }, new TraceRequest { As = "amy", Start = "room:x" }],
        "Discover" => [new DiscoveryRequest { As = "amy", ClientId = "ben" }, new DiscoveryRequest { As = "amy", ClientId = "amy" }],
        "RegisterPipes" => [new RegisterPipesRequest { As = "amy", Pipes = [new() { Name = "cat1", Resource = "http://localhost:1" }] }],
        "RemovePipes" => [new RemovePipesRequest { As = "amy", Names = ["cat1"] }],
        "ListPipes" => [new ListPipesRequest { As = "amy", Client = "*" }, new ListPipesRequest { As = "amy", Client = "ben" }, new ListPipesRequest { As = "amy" }],
        "ListSockets" => [new ListSocketsRequest { As = "amy", Client = "*" }, new ListSocketsRequest { As = "amy", Client = "ben" }, new ListSocketsRequest { As = "amy" }],
        "WatchSockets" => [new WatchSocketsRequest { As = "amy", Client = "*" }, new WatchSocketsRequest { As = "amy" }],
        "WatchPipes" => [new WatchPipesRequest { As = "amy", Client = "*" }, new WatchPipesRequest { As = "amy", Client = "ben" }, new WatchPipesRequest { As = "amy" }],
        "ClosePipe" => [new ClosePipeRequest { As = "amy", Name = "bens" }, new ClosePipeRequest { As = "amy", Name = "nobodys" }],
        "ListExchanges" => [new ListExchangesRequest { As = "amy", Pipe = "bens" }, new ListExchangesRequest { As = "amy", Pipe = "nobodys" }],
        "WatchExchanges" => [new WatchExchangesRequest { As = "amy", Pipe = "bens" }, new WatchExchangesRequest { As = "amy", Stop = true }],
        "ReadExchange" => [new ReadExchangeRequest { As = "amy", Pipe = "bens", Id = "1-n" }],
        "ReplayExchange" => [new ReplayExchangeRequest { As = "amy", Pipe = "bens", Id = "1-n" }],
        "ReserveName" => [new ReserveNameRequest { As = "amy", Name = "amys" }, new ReserveNameRequest { As = "amy", Name = "*" }],
        "ReleaseName" => [new ReleaseNameRequest { As = "amy", Name = "bens" }, new ReleaseNameRequest { As = "amy", Name = "nobodys" }],
        "ListNames" => [new ListNamesRequest { As = "amy", Client = "*" }, new ListNamesRequest { As = "amy", Client = "ben" }, new ListNamesRequest { As = "amy" }],
        "CreateLink" => [new CreateLinkRequest { As = "amy", Pipe = "bens" }, new CreateLinkRequest { As = "amy", Pipe = "nobodys" }],
        "GrantVisit" => [new GrantVisitRequest { As = "amy", Pipe = "bens", Client = "amy" }, new GrantVisitRequest { As = "amy", Pipe = "nobodys", Client = "amy" }],
        "ListVisitGrants" => [new ListVisitGrantsRequest { As = "amy" }],
        "WithdrawVisit" => [new WithdrawVisitRequest { As = "amy", Pipe = "bens", Client = "amy" }],
        "ListQueues" => [new ListQueuesRequest { As = "amy" }],
        "ReadQueue" => [new ReadQueueRequest { As = "amy", Name = "bens" }, new ReadQueueRequest { As = "amy", Name = "nobodys" }],
        "ReplayQueued" => [new ReplayQueuedRequest { As = "amy", Id = "bens-1" }],
        "DiscardQueued" => [new DiscardQueuedRequest { As = "amy", Id = "bens-1" }],
        "RemoveQueue" => [new RemoveQueueRequest { As = "amy", Name = "bens" }, new RemoveQueueRequest { As = "amy", Name = "nobodys" }],
        "LimitSocket" => [new LimitSocketRequest { As = "amy", SocketId = "x" }],
        "Explain" => [new ExplainRequest { As = "amy", Operation = "administer", Target = "client:ben", Client = "ben" }, new ExplainRequest { As = "amy", Operation = "publish", Target = "cat1" }],
        "Revoke" => [new RevokeRequest { As = "amy", Client = "ben" }, new RevokeRequest { As = "amy", TokenId = "t" }],
        "Disable" => [new DisableRequest { As = "amy", Client = "ben" }],
        "RemoveClient" => [new RemoveClientRequest { As = "amy", Client = "ben" }],
        "SetMessagePipes" => [new SetMessagePipesRequest { As = "amy", Pipes = [new() { From = "client:ben", To = ["room:x"] }] }, new SetMessagePipesRequest { As = "amy", Pipes = [new() { Id = "p", From = "client:amy", To = ["room:x"] }] }],
        "ListMessagePipes" => [new ListMessagePipesRequest { As = "amy" }],
        "RemoveMessagePipes" => [new RemoveMessagePipesRequest { As = "amy", Ids = ["bens"] }],
        "ForceDisconnect" => [new ForceDisconnectRequest { As = "amy", Target = "client:ben" }, new ForceDisconnectRequest { As = "amy", Target = "socket:none" }],
        "CreateRoom" => [new CreateRoomRequest { As = "amy", Name = "bens" }, new CreateRoomRequest { As = "amy", Name = "staff" }],
        "ChangeRoom" => [new ChangeRoomRequest { As = "amy", Name = "bens" }, new ChangeRoomRequest { As = "amy", Name = "nobodys" }],
        "RemoveRoom" => [new RemoveRoomRequest { As = "amy", Name = "bens" }, new RemoveRoomRequest { As = "amy", Name = "nobodys" }],
        "ListRooms" => [new ListRoomsRequest { As = "amy", Client = "*" }, new ListRoomsRequest { As = "amy", Client = "ben" }, new ListRoomsRequest { As = "amy" }],
        "SetFeed" => [new SetFeedRequest { As = "amy", Followers = ["client:ben"] }],
        "AcquireLock" => [new AcquireLockRequest { As = "amy", Lockspace = "x", Name = "card" }, new AcquireLockRequest { As = "amy", Lockspace = "x", Name = "card", Token = 1 }],
        "RenewLock" => [new RenewLockRequest { As = "amy", Lockspace = "x", Name = "other", Token = 1 }],
        "ReleaseLock" => [new ReleaseLockRequest { As = "amy", Lockspace = "x", Name = "other", Token = 1 }],
        "BreakLock" => [new BreakLockRequest { As = "amy", Lockspace = "x", Name = "other" }],
        "CreateLockspace" => [new CreateLockspaceRequest { As = "amy", Name = "amys" }],
        "RemoveLockspace" => [new RemoveLockspaceRequest { As = "amy", Name = "bens" }],
        "Admit" => [new AdmitRequest { As = "amy", Lockspace = "bens", Client = "amy" }],
        "Release" => [new ReleaseRequest { As = "amy", Lockspace = "bens", Client = "amy" }],
        "ReleaseTo" => [new ReleaseToRequest { As = "amy", Lockspace = "bens", Client = "amy" }],
        "MoveTo" => [new MoveToRequest { As = "amy", Lockspace = "bens", To = "x", Client = "amy" }],
        _ => throw new InvalidOperationException($"{method.Name} is new: say here what one identity must not do for another by it."),
    };

    private static async Task<Answer> AskAsync(StockSocket socket, MethodInfo method, Request request) =>
        (Answer)(await socket.Hub.InvokeCoreAsync(method.Name, method.ReturnType.GetGenericArguments()[0], [request]).Soon())!;

    private static async Task<bool> TryAsync(StockSocket socket, string text)
    {
        try
        {
            return (await socket.SendAsync(text, "room:lobby")).Error is null;
        }
        catch (Exception e) when (e is not TimeoutException)
        {
            // The connection was closed under it: whether it was stored, the room says.
            return false;
        }
    }

    private static ChannelReader<SocketChange> Changes(StockSocket control)
    {
        var heard = Channel.CreateUnbounded<SocketChange>();
        var events = control.Hear<SocketsChangedEvent>("SocketsChanged");
        _ = Task.Run(async () =>
        {
            await foreach (var e in events.ReadAllAsync())
            {
                foreach (var change in e.Changes)
                {
                    heard.Writer.TryWrite(change);
                }
            }
        });
        return heard.Reader;
    }
}
