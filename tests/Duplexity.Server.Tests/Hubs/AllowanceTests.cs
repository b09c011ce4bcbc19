using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>What a client may do, from where it comes, and what it is told when it may not (1.10).</summary>
public sealed class AllowanceTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Out_of_the_box_a_client_may_join_and_send_anywhere_and_publish_only_in_development()
    {
        await using var development = await TestNode.StartAsync();
        await using var production = await TestNode.StartAsync(s => s.Environment = "Production");
        await using var tester = await StockSocket.DataAsync(development, "amy");
        await using var user = await StockSocket.DataAsync(production, "amy");

        tester.Welcome.Identities.Should().BeEquivalentTo(new[] { new { Client = "amy", IsPrimary = true, Allowances = new { Publish = (string[])["*"] } } });
        user.Welcome.Identities![0].Allowances.Should().BeEquivalentTo(
            new Allowances { Send = ["*"], Receive = ["*"], Join = ["*"], Publish = [], Administer = [] });
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_tokens_claim_decides_before_its_roles_and_they_before_the_default()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.Settings["Duplexity:Allowances:member:Join:0"] = "room:members-*";
            s.Settings["Duplexity:Allowances:member:Limits:Rooms"] = "7";
            s.Settings["Duplexity:Allowances:guest:Join:0"] = "room:lobby";
            s.Settings["Duplexity:Allowances:guest:Limits:Rooms"] = "3";
            s.Settings["Duplexity:Allowances:*:Send:0"] = "room:*";
            s.Settings["Duplexity:Pipes:Publish:0"] = "member";
        });

        var both = await Allowed(node, ("roles", new[] { "member", "guest" }), ("duplexity", new { limits = new { messages = 5 } }));
        var nobody = await Allowed(node);
        var claimed = await Allowed(node, ("role", "member"), ("duplexity", new { join = new[] { "room:one" }, publish = Array.Empty<string>() }));

        both.Should().BeEquivalentTo(new Allowances
        {
            Send = ["room:*"],
            Receive = ["*"],
            Join = ["room:members-*", "room:lobby"],
            Publish = ["*"],
            Administer = [],
            Limits = new() { Messages = 5, Rooms = 7 },
        });
        nobody.Should().BeEquivalentTo(new Allowances { Send = ["room:*"], Receive = ["*"], Join = ["*"], Publish = [], Administer = [] });
        claimed.Join.Should().Equal("room:one");
        claimed.Publish.Should().BeEmpty();
    }

    [Theory]
    [InlineData("""{ "sned": ["room:*"] }""")]
    [InlineData("""{ "send": "room:*" }""")]
    [InlineData("""{ "send": ["room: x"] }""")]
    [InlineData("""{ "send": [null] }""")]
    [InlineData("""{ "limits": { "rooms": -1 } }""")]
    [InlineData("""{ "limits": { "windowMs": 0 } }""")]
    [InlineData("""[ "room:*" ]""")]
    [InlineData("\"everything\"")]
    [Trait("Guarantee", "G19")]
    public async Task A_token_whose_claim_cannot_be_read_is_refused_because_a_limit_that_is_not_understood_is_none(string claim)
    {
        await using var node = await TestNode.StartAsync();
        var token = node.Token("amy", null, ("duplexity", System.Text.Json.JsonDocument.Parse(claim).RootElement));

        await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, "data"), token)).Should().ThrowAsync<Exception>().WithMessage("*401*");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "1.28")]
    public async Task What_an_allowance_does_not_cover_reads_like_what_is_not_there()
    {
        await using var node = await TestNode.StartAsync();
        await using var guest = await StockSocket.DataAsAsync(node, "guest", ("duplexity", new { send = new[] { "room:lobby" }, receive = new[] { "room:*" }, join = new[] { "room:lobby", "room:news" } }));
        await using var amy = await StockSocket.DataAsync(node, "amy");

        var sent = await guest.SendAsync("hello", "room:lobby", "room:secret", "client:amy");
        var joined = await guest.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:secret" });
        var presence = await guest.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:secret" });
        var never = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "service:x" });

        sent.Error.Should().BeNull();
        sent.Destinations!.Select(d => d.Error?.Name).Should().Equal(null, "unknown_destination", "unknown_destination");
        sent.Destinations![1].Error!.Gate.Should().Be("scope");
        joined.Error!.Name.Should().Be(never.Error!.Name);
        joined.Error.Sentence.Should().Be(never.Error.Sentence.Replace("service:x", "room:secret"));
        presence.Error!.Name.Should().Be("unknown_destination");
        await guest.JoinAsync("room:news");
        (await guest.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:guest" })).Error!.Name.Should().Be("unknown_destination");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Guarantee", "G9")]
    public async Task Who_may_not_receive_gets_nothing_live_and_nothing_from_history()
    {
        await using var node = await TestNode.StartAsync();
        await using var sender = await StockSocket.DataAsAsync(node, "probe", ("duplexity", new { receive = new[] { "room:allowed" } }));
        await using var other = await StockSocket.DataAsync(node, "amy");
        await sender.JoinAsync("room:silent");
        await sender.JoinAsync("room:allowed");

        await other.SendAsync("unheard", "room:silent", "client:probe");
        await other.SendAsync("heard", "room:allowed");
        var heard = await sender.NextAsync();
        var history = await sender.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:silent" });

        heard.Text.Should().Be("heard");
        history.Error!.Name.Should().Be("unknown_destination");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task An_owner_narrows_a_socket_and_can_only_take_away()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsAsync(node, "amy", ("duplexity", new { send = new[] { "room:*" }, limits = new { messages = 10, windowMs = 3_600_000 } }));
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        var told = socket.Hear<AllowancesChangedEvent>("AllowancesChanged");
        var watched = control.Hear<SocketsChangedEvent>("SocketsChanged");
        await control.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest());

        var narrowed = await control.InvokeAsync<LimitSocketResponse>(
            "LimitSocket", new LimitSocketRequest { SocketId = socket.Id, Allowances = new() { Send = ["room:lobby", "client:*"], Limits = new() { Messages = 2, WindowMs = 1 } } });
        var change = (await watched.ReadAsync().Soon()).Changes[0];
        var outside = await socket.SendAsync("x", "room:other");
        await socket.SendAsync("x", "room:lobby");
        var tooMany = await socket.SendAsync("x", "room:lobby");
        var restored = await control.InvokeAsync<LimitSocketResponse>("LimitSocket", new LimitSocketRequest { SocketId = socket.Id });

        narrowed.Allowances!.Send.Should().Equal("room:lobby");
        narrowed.Allowances.Limits.Should().Be(new AllowanceLimits { Messages = 2, WindowMs = 3_600_000 });
        (await told.ReadAsync().Soon()).Allowances.Should().BeEquivalentTo(narrowed.Allowances);
        (change.Kind, change.Socket.SocketId).Should().Be(("changed", socket.Id));
        change.Socket.Allowances.Should().BeEquivalentTo(narrowed.Allowances, "who watches from elsewhere sees it too");
        outside.Error!.Name.Should().Be("unknown_destination");
        tooMany.Error!.Limit.Should().Be("messages_per_window");
        restored.Allowances!.Send.Should().Equal("room:*");
        (await control.InvokeAsync<LimitSocketResponse>("LimitSocket", new LimitSocketRequest { SocketId = "not one" })).Error!.Name.Should().Be("unknown_destination");
        (await control.InvokeAsync<LimitSocketResponse>("LimitSocket", new LimitSocketRequest { SocketId = socket.Id, Allowances = new() { Send = [""] } })).Error!.Code.Should().Be(102);
    }

    [Fact]
    [Trait("Requirement", "2.10")]
    public async Task Only_names_that_the_allowance_covers_are_published_and_no_more_than_its_limit()
    {
        await using var node = await TestNode.StartAsync();
        await using var none = await StockSocket.DiscoveredAsync(node, "guest", ("duplexity", new { publish = Array.Empty<string>() }));
        await using var some = await StockSocket.DiscoveredAsync(node, "amy", ("duplexity", new { publish = new[] { "cat*" }, limits = new { pipes = 1 } }));

        (await none.InvokeAsync<PipesResponse>("RegisterPipes", Pipes("cat1"))).Error.Should().BeEquivalentTo(new { Name = "denied", Gate = "scope" });
        (await some.InvokeAsync<PipesResponse>("RegisterPipes", Pipes("dog1"))).Error.Should().BeEquivalentTo(new { Name = "denied", Gate = "scope" });
        (await some.InvokeAsync<PipesResponse>("RegisterPipes", Pipes("cat1", "cat2"))).Error.Should().BeEquivalentTo(new { Name = "too_many_pipes", Limit = "pipes_per_session" });
        (await some.InvokeAsync<PipesResponse>("RegisterPipes", Pipes("cat1"))).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Explain_says_which_gate_would_refuse_and_counts_nothing()
    {
        await using var node = await TestNode.StartAsync();
        var claim = new { send = new[] { "room:lobby" }, limits = new { messages = 1, windowMs = 3_600_000 }, publish = new[] { "cat*" } };
        await using var socket = await StockSocket.DataAsAsync(node, "amy", ("duplexity", claim));
        await using var control = await StockSocket.DiscoveredAsync(node, "amy", ("duplexity", claim));

        Task<ExplainResponse> ExplainAsync(string operation, string target, string? client = null) =>
            control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = operation, Target = target, Client = client });

        (await ExplainAsync("send", "room:lobby")).Allowed.Should().BeTrue();
        (await ExplainAsync("send", "room:lobby")).Allowed.Should().BeTrue();
        var elsewhere = await ExplainAsync("send", "room:other");
        await socket.SendAsync("x", "room:lobby");
        var used = await ExplainAsync("send", "room:lobby");

        elsewhere.Allowed.Should().BeFalse();
        elsewhere.Gates!.Single(g => g.Error is not null).Should().BeEquivalentTo(new { Gate = "scope", Step = "entry" });
        elsewhere.Gates!.Single(g => g.Error is not null).Error!.Sentence.Should().Contain("room:lobby");
        used.Gates!.Single(g => g.Error is not null).Error!.Limit.Should().Be("messages_per_window");
        (await ExplainAsync("join", "room:any")).Allowed.Should().BeTrue();
        (await ExplainAsync("join", "client:ben")).Gates!.Single(g => g.Error is not null).Gate.Should().Be("channel");
        (await ExplainAsync("publish", "cat1")).Allowed.Should().BeTrue();
        (await ExplainAsync("publish", "dog")).Gates!.Single(g => g.Error is not null).Gate.Should().Be("scope");
        (await ExplainAsync("administer", "client:ben")).Allowed.Should().BeFalse();
        (await ExplainAsync("dance", "room:x")).Error!.Code.Should().Be(102);
        (await ExplainAsync("send", "nowhere")).Error!.Code.Should().Be(103);
        (await ExplainAsync("send", "room:x", client: "ben")).Error!.Name.Should().Be("denied");
    }

    private static RegisterPipesRequest Pipes(params string[] names) => new() { Pipes = [.. names.Select(n => new PipeRegistration { Name = n, Resource = "http://localhost:1" })] };

    private static async Task<Allowances> Allowed(TestNode node, params (string Name, object Value)[] claims)
    {
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), node.Token("amy", null, claims));
        return socket.Welcome.Identities![0].Allowances;
    }
}
