using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>What a client tries that means it badly: to make the node hold things, to learn what is hidden, to act after its time.</summary>
public sealed class HostileSenderTests
{
    private static readonly string[] Nobody = ["nobody"];

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Messages_to_more_strangers_than_a_client_may_make_channels_for_leave_no_inboxes_behind()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.NewChannelsPerHour = 3);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");

        await amy.SendAsync("x", [.. Enumerable.Range(0, 50).Select(i => $"client:stranger-{i}")]);
        for (var i = 0; i < 20; i++)
        {
            await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "send", Target = $"client:asked-{i}" });
        }

        node.Services.GetRequiredService<InboxIndex>().Count.Should().BeLessThanOrEqualTo(3);
    }

    [Fact]
    [Trait("Requirement", "1.28")]
    public async Task Explain_does_not_tell_whether_a_room_that_is_closed_to_the_asker_is_there()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Limits.NewChannelsPerHour = 1;
            o.Rooms["secret-*"] = new RoomOptions { Join = [.. Nobody], Send = [.. Nobody], ReadHistory = [.. Nobody], SeePresence = [.. Nobody] };
        });
        await node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Room("secret-is"), "x");
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        await amy.SendAsync("x", "room:open");

        foreach (var operation in (string[])["send", "join", "receive", "presence"])
        {
            (await ExplainAsync("secret-is")).Should().BeEquivalentTo(await ExplainAsync("secret-no"), o => o.WithStrictOrdering(), operation);

            async Task<string[]> ExplainAsync(string room) =>
                [.. (await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = operation, Target = $"room:{room}" })).Gates!.Select(g => $"{g.Step} {g.Gate} {g.Error?.Sentence.Replace(room, "ROOM", StringComparison.Ordinal)}")];
        }
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task What_waits_for_a_gate_as_its_sender_falls_off_goes_nowhere()
    {
        var passes = new TaskCompletionSource<GateResult>();
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:lobby", c => new(passes.Task))]);
        var (socket, lobby) = (new FakeEnd("amy", "ben"), Address.Room("lobby"));

        var sent = rig.Machine.SendAsync(socket.Sender("amy"), PipeRig.Text("late", "room:lobby"));
        var other = rig.Machine.SendAsync(socket.Sender("ben"), PipeRig.Text("stays", "room:lobby"));
        socket.Drop("amy");
        passes.SetResult(GateResult.Pass);

        (await sent.AsTask().Soon()).Error.Should().BeEquivalentTo(new { Errors.IdentityNotHeld.Code });
        (await other.AsTask().Soon()).Error.Should().BeNull("its neighbour is nobody's concern (G10)");
        (await rig.Engine.Log.ReadAsync(lobby, null, 10)).Entries.Select(e => e.Message.Text).Should().Equal("stays");
    }

    [Fact]
    [Trait("Requirement", "1.28")]
    public async Task What_waits_for_a_gate_as_the_room_is_closed_to_its_sender_does_not_get_in()
    {
        var passes = new TaskCompletionSource<GateResult>();
        var room = new ClosingGate();
        var rig = new PipeRig([PipeRig.Gate(Step.Entry, "room:lobby", c => new(passes.Task))], room);

        var sent = rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("late", "room:lobby"));
        room.IsClosed = true;
        passes.SetResult(GateResult.Pass);

        (await sent.AsTask().Soon()).Error.Should().BeEquivalentTo(new { Errors.UnknownDestination.Code, Gate = "closing" });
        (await rig.Engine.Log.TopAsync(Address.Room("lobby"))).Should().Be(Position.Start);
    }

    [Fact]
    [Trait("Requirement", "1.23")]
    [Trait("Guarantee", "G24")]
    public void Whoever_asks_a_hundred_thousand_times_pushes_out_its_own_requests_and_nobody_elses()
    {
        var replies = new AwaitedReplies();
        replies.Note(Asking("bens", "ben"));
        for (var i = 0; i < 100_001; i++)
        {
            replies.Note(Asking($"{i}", "eve"));
        }

        replies.Awaits("socket-of-ben", "bens").Should().BeTrue();
        replies.Awaits("socket-of-eve", "90001").Should().BeTrue("a tenth is hers");
        replies.Awaits("socket-of-eve", "90000").Should().BeFalse();

        static StoredMessage Asking(string id, string client) => new()
        {
            Id = id,
            FromClient = client,
            FromSocket = $"socket-of-{client}",
            SentAt = DateTimeOffset.UnixEpoch,
            Text = "?",
            Headers = new Dictionary<string, string> { [Wire.ReplyHeader] = "1" },
            Destinations = [Address.Client("cid")],
        };
    }

    [Fact]
    [Trait("Requirement", "1.23")]
    public void A_pipe_that_writes_the_reply_header_opens_nobodys_socket()
    {
        var replies = new AwaitedReplies();
        var asked = Message("asked", ask: true);
        replies.Note(asked);
        replies.Note(Message("silent", ask: false));

        replies.Note(Message("forged", ask: true) with { Path = By("silent") });
        replies.Note(Message("carried", ask: true) with { Path = By("asked") });

        replies.Awaits("socket-of-amy", "asked").Should().BeTrue();
        replies.Awaits("socket-of-amy", "carried").Should().BeTrue("its first sender asked, and the answer finds the way back");
        replies.Awaits("socket-of-amy", "forged").Should().BeFalse("its first sender asked nobody anything");

        static StoredPath By(string first) => new() { Hops = [new() { Owner = "eve", Pipe = "p", From = Address.Room("a"), MessageId = first }], Budget = 1 };
        static StoredMessage Message(string id, bool ask) => new()
        {
            Id = id,
            FromClient = "amy",
            FromSocket = "socket-of-amy",
            SentAt = DateTimeOffset.UnixEpoch,
            Text = "x",
            Headers = ask ? new Dictionary<string, string> { [Wire.ReplyHeader] = "socket" } : null,
            Destinations = [Address.Room("b")],
        };
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_trace_keeps_the_way_of_a_message_and_not_its_body()
    {
        var rig = new PipeRig();
        rig.Traces.Start(Address.Client("amy"), TimeSpan.FromMinutes(1)).Should().BeTrue();

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text(new string('x', 60_000), "room:a"));

        var trace = rig.Traces.Find(answer.MessageId!)!;
        trace.Hops.Should().HaveCountGreaterThan(3).And.OnlyContain(h => h.Message == null, "five hundred of them would be thirty megabytes");
    }

    private sealed class ClosingGate : IBuiltInGate
    {
        public bool IsClosed { get; set; }

        public string Name => "closing";

        public Step Step => Step.Entry;

        public DuplexityError? Check(in Passage passage) => IsClosed ? DuplexityError.Of(Errors.UnknownDestination, "Not there.") : null;
    }
}
