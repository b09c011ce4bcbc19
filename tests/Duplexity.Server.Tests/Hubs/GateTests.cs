using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Gates, challenges, services and traces as clients of a node meet them.</summary>
public sealed class GateTests(GateTests.Board board) : IClassFixture<GateTests.Board>
{
    [Fact]
    [Trait("Requirement", "1.20")]
    [Trait("Requirement", "1.30")]
    public async Task A_room_that_a_gate_guards_is_closed_to_sends_joins_readers_and_lookers_on()
    {
        await using var amy = await StockSocket.DataAsAsync(board.Node, "amy", ("board", "board-7"));
        await using var ben = await StockSocket.DataAsync(board.Node, "ben");
        await amy.JoinAsync("room:board-7");
        (await amy.SendAsync("hi", "room:board-7")).Error.Should().BeNull();

        DuplexityError?[] refused =
        [
            (await ben.SendAsync("hi", "room:board-7")).Error,
            (await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:board-7" })).Error,
            (await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:board-7" })).Error,
            (await ben.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:board-7" })).Error,
        ];

        refused.Select(e => (e!.Name, e.Gate, e.Sentence)).Should().AllBeEquivalentTo(("gate_refused", "members-only", "not a member"));
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task A_policy_of_the_application_sees_roles_and_claims_and_its_refusal_names_it()
    {
        await using var judge = await StockSocket.DataAsAsync(board.Node, "judge", ("roles", new[] { "judge" }));
        await using var ben = await StockSocket.DataAsync(board.Node, "ben");

        (await judge.SendAsync("hi", "room:court-1")).Error.Should().BeNull();
        var refused = await ben.SendAsync("hi", "room:court-1");
        var application = await board.Node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Room("court-1"), "hi");

        (refused.Error!.Gate, refused.Error.Sentence).Should().Be(("Judges", "The policy Judges is not met."));
        application.Complete.Should().BeTrue("the application itself has no claims, and passes");
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G11")]
    public async Task A_challenge_answered_on_the_same_socket_with_ten_sends_behind_it_stores_each_once_in_order()
    {
        await using var amy = await StockSocket.DataAsync(board.Node, "amy");
        await using var ben = await StockSocket.DataAsync(board.Node, "guard");
        await ben.JoinAsync("room:safe-1");
        var challenges = amy.Hear<ChallengeEvent>("Challenge");
        var changes = amy.Hear<ReceiptChangedEvent>("ReceiptChanged");

        var sends = await Task.WhenAll(Enumerable.Range(0, 11).Select(i => amy.SendAsync($"{i}", "room:safe-1")));
        sends.Should().OnlyContain(s => s.Level == "held" && s.Error == null);
        var asked = await challenges.ReadAsync().Soon();
        var wrong = await AnswerAsync(amy, asked, "please");
        var elsewhere = await AnswerAsync(ben, asked, "sesame");
        var right = await AnswerAsync(amy, asked, "sesame");

        (wrong!.Name, elsewhere!.Name, right).Should().Be(("challenge_failed", "no_such_challenge", null));
        (await ben.TextsAsync(11)).Should().Equal(Enumerable.Range(0, 11).Select(i => $"{i}"));
        for (var i = 0; i < 11; i++)
        {
            (await changes.ReadAsync().Soon()).MessageId.Should().Be(sends[i].MessageId);
        }
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task A_room_that_wants_a_fresh_sign_in_holds_until_a_fresh_token_of_the_same_client_comes()
    {
        var old = board.Node.Time.GetUtcNow().AddMinutes(-30).ToUnixTimeSeconds();
        await using var amy = await StockSocket.DataAsAsync(board.Node, "amy", ("iat", old));
        var challenges = amy.Hear<ChallengeEvent>("Challenge");
        var changes = amy.Hear<ReceiptChangedEvent>("ReceiptChanged");

        var joined = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:bank-1" });
        var held = await amy.SendAsync("hi", "room:bank-1");
        await challenges.ReadAsync().Soon();
        var asked = await challenges.ReadAsync().Soon();
        var stale = await ReauthenticateAsync(board.Node.Token("amy", null, ("iat", old)));
        var stranger = await ReauthenticateAsync(board.Node.Token("ben"));
        var fresh = await ReauthenticateAsync(board.Node.Token("amy"));

        (joined.Error!.Name, joined.Error.Gate, held.Level).Should().Be(("challenged", "reauthenticate", "held"));
        (asked.Kind, asked.Channel).Should().Be(("reauthenticate", "room:bank-1"));
        (stale!.Name, stranger!.Name, fresh).Should().Be(("challenge_failed", "challenge_failed", null));
        var changed = await changes.ReadAsync().Soon();
        (changed.MessageId, changed.Error).Should().Be((held.MessageId!, null));
        (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:bank-1" })).Error.Should().BeNull();

        async Task<DuplexityError?> ReauthenticateAsync(string token) =>
            (await amy.InvokeAsync<Done>("AnswerChallenge", new AnswerChallengeRequest { Id = asked.Id, Token = token })).Error;
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task The_sdk_answers_by_its_handler_and_by_its_source_of_tokens_and_the_send_completes_when_it_is_stored()
    {
        // Each when it is asked for: a fresh one is not older than the question, however slow the machine.
        var old = new Queue<string>([board.Node.Token("amy", null, ("iat", board.Node.Time.GetUtcNow().AddMinutes(-30).ToUnixTimeSeconds()))]);
        await using var amy = await board.Node.ConnectAsync("amy", o => o with { Token = _ => ValueTask.FromResult<string?>(old.TryDequeue(out var first) ? first : board.Node.Token("amy")) });
        var asked = new List<string>();
        using var handling = amy.OnChallenge((c, _) =>
        {
            asked.Add($"{c.Kind} {c.Gate} {c.Channel}");
            return ValueTask.FromResult<string?>(c.Kind == ChallengeKind.Key ? "sesame" : null);
        });

        var keyed = await amy.SendAsync(Address.Room("safe-sdk"), "hi").Soon();
        var renewed = await amy.SendAsync(Address.Room("bank-sdk"), "hi").Soon();
        var joined = await amy.JoinAsync("bank-sdk").Soon();

        keyed.Destinations.Single().Position!.Offset.Should().Be(1);
        renewed.Destinations.Single().Position!.Offset.Should().Be(1);
        joined.Address.Should().Be(Address.Room("bank-sdk"));
        asked.Should().Equal("key safe room:safe-sdk", "reauthenticate reauthenticate room:bank-sdk");
    }

    [Fact]
    [Trait("Requirement", "1.23")]
    [Trait("Requirement", "1.24")]
    public async Task Services_hear_of_sockets_and_deliveries_and_no_client_can_name_their_channels()
    {
        var service = board.Node.Services.GetRequiredService<Ear>();
        await using var amy = await StockSocket.DataAsync(board.Node, "heard-amy");
        await using (var ben = await StockSocket.DataAsync(board.Node, "heard-ben"))
        {
            await ben.JoinAsync("room:heard");
            var sent = await amy.SendAsync("hi", "room:heard");
            await ben.NextAsync();
            var delivered = await service.FindAsync(a => a.MessageId == sent.MessageId && a.Action == AnnouncedAction.Delivered);
            (delivered.Owner, delivered.Target).Should().Be(("heard-amy", $"room:heard → client:heard-ben socket:{ben.Id}"));
        }

        (await service.FindAsync(a => a.Owner == "heard-ben" && a.Action == AnnouncedAction.Connected)).Channel.Should().Be(ServiceChannel.Sockets);
        await service.FindAsync(a => a.Owner == "heard-ben" && a.Action == AnnouncedAction.Disconnected);
        foreach (var channel in (string[])[ServiceChannel.Entry, "service:none"])
        {
            (await amy.SendAsync("x", channel)).Error!.Name.Should().Be("unknown_destination");
            (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = channel })).Error!.Name.Should().Be("unknown_destination");
            (await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = channel })).Error!.Name.Should().Be("unknown_destination");
        }
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    public async Task A_service_puts_a_client_into_a_room_and_takes_it_out_and_the_sockets_are_told()
    {
        var duplexity = board.Node.Services.GetRequiredService<IDuplexity>();
        await using var ben = await StockSocket.DataAsync(board.Node, "placed");
        await using var amy = await StockSocket.DataAsync(board.Node, "amy");
        var (joined, left) = (ben.Hear<JoinedEvent>("Joined"), ben.Hear<LeftEvent>("Left"));

        (await duplexity.SubscribeAsync("placed", Address.Room("board-99")).Soon()).Should().Be(1);
        (await duplexity.SubscribeAsync("placed", Address.Room("board-99")).Soon()).Should().Be(0, "it is there already");
        (await joined.ReadAsync().Soon()).Channel.Should().Be("room:board-99");
        (await duplexity.ListMembersAsync(Address.Room("board-99"))).Select(m => m.Client).Should().Equal("placed");
        await duplexity.SendAsync(Address.Room("court-99"), "elsewhere");
        (await duplexity.SendAsync(Address.Room("placing"), "x")).Complete.Should().BeTrue();
        (await duplexity.SubscribeAsync("placed", Address.Room("placing")).Soon()).Should().Be(1);
        await amy.SendAsync("hi", "room:placing");
        (await ben.NextAsync()).Text.Should().Be("hi");
        (await duplexity.UnsubscribeAsync("placed", Address.Room("placing"), "Enough.").Soon()).Should().Be(1);
        var told = await left.ReadAsync().Soon();

        (told.Channel, told.Client, told.Reason).Should().Be(("room:placing", "placed", "Enough."));
        await amy.SendAsync("after", "room:placing");
        await ben.SettleAsync(amy);
        ben.HasNothing.Should().BeTrue();
    }

    [Fact]
    public async Task An_administrator_sees_the_way_of_a_traced_message_and_others_learn_nothing()
    {
        await using var admin = await StockSocket.DiscoveredAsync(board.Node, "root", ("role", "admin"));
        await using var control = await StockSocket.DiscoveredAsync(board.Node, "traced");
        await using var amy = await StockSocket.DataAsync(board.Node, "traced");
        await using var ben = await StockSocket.DataAsync(board.Node, "ben");
        await ben.JoinAsync("room:traced");
        var denied = await control.InvokeAsync<TraceResponse>("Trace", new TraceRequest { Start = "room:traced" });
        (await admin.InvokeAsync<TraceResponse>("Trace", new TraceRequest { Start = "client:traced", Minutes = 1 })).Error.Should().BeNull();
        var sent = await amy.SendAsync("hi", "room:traced", "room:board-8");
        await ben.NextAsync();

        var trace = await admin.InvokeAsync<TraceResponse>("Trace", new TraceRequest { MessageId = sent.MessageId });
        var own = await control.InvokeAsync<TraceResponse>("Trace", new TraceRequest { MessageId = sent.MessageId });
        var none = await control.InvokeAsync<TraceResponse>("Trace", new TraceRequest { MessageId = "none" });

        denied.Error!.Name.Should().Be("denied");
        trace.Hops!.Select(h => (h.Step, h.Action, h.Error?.Gate)).Should().Equal(
            ("ingress", "entered", null), ("ingress", "passed", null), ("service", "entered", null), ("cooked", "passed", null), ("entry", "entered", null), ("entry", "passed", null),
            ("entry", "entered", null), ("entry", "refused", "members-only"), ("egress", "delivered", null));
        own.Error.Should().Be(none.Error);
    }

    [Fact]
    public async Task Explain_names_the_gates_of_the_application()
    {
        await using var control = await StockSocket.DiscoveredAsync(board.Node, "ben");
        await using var ben = await StockSocket.DataAsync(board.Node, "ben");

        var send = await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "send", Target = "room:board-7" });
        var join = await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "join", Target = "room:safe-2" });

        send.Allowed.Should().BeFalse();
        send.Gates!.Last().Should().BeEquivalentTo(new { Step = "entry", Gate = "members-only", Error = new { Name = "gate_refused", Sentence = "not a member" } });
        join.Gates!.Single(g => g.Gate == "safe").Error!.Name.Should().Be("challenged");
    }

    [Fact]
    public async Task A_node_does_not_start_with_a_policy_that_nobody_knows() =>
        await FluentActions.Awaiting(() => TestNode.StartAsync(s => s.Builder = b => b.RequirePolicy("room:*", "Nobody"))).Should().ThrowAsync<InvalidOperationException>().WithMessage("*Nobody*");

    private static async Task<DuplexityError?> AnswerAsync(StockSocket socket, ChallengeEvent asked, string key) =>
        (await socket.InvokeAsync<Done>("AnswerChallenge", new AnswerChallengeRequest { Id = asked.Id, Key = key })).Error;

    /// <summary>A node with gates of every kind.</summary>
    public sealed class Board : IAsyncLifetime
    {
        private readonly HashSet<string> _open = [];

        public TestNode Node { get; private set; } = null!;

        public async Task InitializeAsync() => Node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Rooms:bank-*:Reauthenticate"] = "00:15:00";
            s.Services = services => services.AddAuthorizationBuilder().AddPolicy("Judges", p => p.RequireRole("judge"));
            s.Builder = builder => builder
                .AddGate<MembersOnlyGate>(Step.Entry, "room:board-*")
                .RequirePolicy("room:court-*", "Judges")
                .AddGate(Step.Entry, "room:safe-*", c => new(MayOpen(c) ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")), "safe")
                .AddService<Ear>();
        });

        public Task DisposeAsync() => Node.DisposeAsync().AsTask();

        private bool MayOpen(GateContext context)
        {
            lock (_open)
            {
                return context.Client == "guard" || (context.Answer?.Value == "sesame" && _open.Add(context.Target.Name)) || _open.Contains(context.Target.Name);
            }
        }
    }

    // It wants the machine that its own messages go through: that must be possible.
    private sealed class MembersOnlyGate(IDuplexity duplexity) : IGate
    {
        public IDuplexity Duplexity { get; } = duplexity;

        public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct) =>
            new(context.IsServer || context.Principal.HasClaim("board", context.Target.Name) ? GateResult.Pass : GateResult.Refuse("not a member"));
    }

    private sealed class Ear(IDuplexity duplexity) : IMessageService
    {
        public IDuplexity Duplexity { get; } = duplexity;

        private readonly Lock _lock = new();
        private readonly List<Announcement> _heard = [];
        private readonly List<(Func<Announcement, bool> Matches, Action<Announcement> Found)> _waiting = [];

        public IReadOnlyCollection<string> Channels => [ServiceChannel.Egress, ServiceChannel.Sockets];

        /// <summary>The first announcement that matches, heard already or not.</summary>
        public Task<Announcement> FindAsync(Func<Announcement, bool> matches) => Wait.For<Announcement>("an announcement", found =>
        {
            lock (_lock)
            {
                _waiting.Add((matches, found));
                _heard.Where(matches).Take(1).ToList().ForEach(found);
            }
        });

        public ValueTask OnAnnouncementAsync(Announcement announcement, CancellationToken ct)
        {
            lock (_lock)
            {
                _heard.Add(announcement);
                _waiting.Where(w => w.Matches(announcement)).ToList().ForEach(w => w.Found(announcement));
            }

            return ValueTask.CompletedTask;
        }
    }
}
