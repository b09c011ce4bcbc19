using System.Threading.Channels;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Api;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Locks as any SignalR client sees them.</summary>
public sealed class LockTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StockSocket _amy = null!;
    private StockSocket _ben = null!;
    private ChannelReader<LockChangedEvent> _bens = null!;
    private ChannelReader<LockChangedEvent> _amys = null!;

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _amy = await StockSocket.DataAsync(_node, "amy");
        _ben = await StockSocket.DataAsync(_node, "ben");
        (_amys, _bens) = (_amy.Hear<LockChangedEvent>("LockChanged"), _ben.Hear<LockChangedEvent>("LockChanged"));
    }

    public async Task DisposeAsync()
    {
        await _amy.DisposeAsync();
        await _ben.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G11")]
    public async Task A_queued_lock_is_answered_at_once_and_comes_as_an_event_on_the_socket_that_releases_another_meanwhile()
    {
        var amys = await AcquireAsync(_amy, "card-1");
        var bens = await AcquireAsync(_ben, "card-2");

        var taken = await AcquireAsync(_ben, "card-1");
        var queued = await AcquireAsync(_ben, "card-1", wait: 60_000, ticket: "mine");
        await AcquireAsync(_amy, "card-2", wait: 60_000);
        (await ReleaseAsync(_ben, "card-2", bens.Token)).Error.Should().BeNull("nothing waits on this socket");
        (await _amys.ReadAsync().Soon()).Should().BeEquivalentTo(new { State = "contended", Name = "card-1", Waiting = 1 });
        (await _amys.ReadAsync().Soon()).Should().BeEquivalentTo(new { State = "granted", Name = "card-2" });
        (await ReleaseAsync(_amy, "card-1", amys.Token)).Error.Should().BeNull();
        (await _bens.ReadAsync().Soon()).Should().BeEquivalentTo(new { State = "contended", Name = "card-2" });
        var granted = await _bens.ReadAsync().Soon();

        amys.Should().BeEquivalentTo(new { State = "granted", LeaseMs = 30_000L, Error = (DuplexityError?)null });
        taken.Should().BeEquivalentTo(new { State = "taken", Holder = "amy", Token = (long?)null, Position = 0 });
        taken.FreesInMs.Should().BeInRange(1, 30_000);
        queued.Should().BeEquivalentTo(new { State = "queued", Position = 1, Ticket = "mine" });
        granted.Should().BeEquivalentTo(new { Lockspace = "board", Name = "card-1", State = "granted", Ticket = "mine", LeaseMs = 30_000L, Holder = new Origin { Client = "ben", Socket = _ben.Id } });
        granted.Token.Should().BeGreaterThan(amys.Token!.Value);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task What_is_sent_under_a_lock_is_stored_under_its_present_token_alone()
    {
        await using var reader = await StockSocket.DataAsync(_node, "cleo");
        await reader.JoinAsync("room:board");
        var amys = await AcquireAsync(_amy, "card");
        (await UnderAsync(_amy, "first", amys.Token)).Error.Should().BeNull();
        (await UnderAsync(_ben, "not his", amys.Token)).Error.Should().BeEquivalentTo(new { Code = 209, Gate = "fence" });
        (await UnderAsync(_amy, "made up, to keep later ones out", (1L << 53) - 1)).Error!.Code.Should().Be(209);
        (await UnderAsync(_amy, "half", null)).Error!.Code.Should().Be(102);
        await ReleaseAsync(_amy, "card", amys.Token);
        var bens = await AcquireAsync(_ben, "card");

        (await UnderAsync(_amy, "late", amys.Token)).Error!.Code.Should().Be(209);
        (await UnderAsync(_ben, "second", bens.Token)).Error.Should().BeNull();

        (await reader.TextsAsync(2)).Should().Equal("first", "second");
        await reader.SettleAsync(_amy);
        reader.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Requirement", "1.30")]
    public async Task A_gate_at_a_lockspaces_entry_decides_who_takes_a_lock_there_on_the_hub_over_HTTP_and_in_Explain()
    {
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddGate(
            Step.Entry, "lockspace:board-*", c => new(c is { Operation: "lock" or "receive", Client: "amy" or "service:app" } ? GateResult.Pass : GateResult.Refuse("not a member")), "lockers"));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var bens = await StockSocket.DiscoveredAsync(node, "ben");
        var api = new ApiUnderTest(node);

        var granted = await amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board-7", Name = "card" });
        var refused = await ben.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board-7", Name = "other" });
        var byHttp = await api.PostAsync("locks/acquire", "ben", """{"lockspace":"board-7","name":"other"}""");
        var read = await api.GetAsync("lockspaces/board-7/locks/card", "ben");
        var explained = await bens.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "lock", Target = "lockspace:board-7" });

        granted.State.Should().Be("granted");
        (refused.Error!.Name, refused.Error.Gate, refused.Error.Sentence).Should().Be(("gate_refused", "lockers", "not a member"));
        (byHttp.Code, read.Code).Should().Be((206, 206));
        (explained.Allowed, explained.Gates!.Single(g => g.Error is not null).Gate).Should().Be((false, "lockers"));
        (await node.Services.GetRequiredService<IDuplexity>().Lockspaces.AcquireLockAsync("board-7", "other")).State.Should().Be("granted");
        (await ben.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "open", Name = "other" })).State.Should().Be("granted");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G11")]
    public async Task A_gate_that_asks_before_a_lock_is_answered_on_the_same_socket_and_the_SDK_then_has_the_lock()
    {
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddGate(
            Step.Entry, "lockspace:vault", c => new(c.Operation != "lock" || c.Answer?.Value == "sesame" ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")), "vault"));
        await using var amy = await node.ConnectAsync("amy");
        using var handling = amy.OnChallenge((_, _) => ValueTask.FromResult<string?>("sesame"));
        await using var vault = await amy.EnterAsync("vault");

        await using var held = await vault.AcquireAsync("door").Soon();

        held.Token.Should().BePositive();
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task Locks_belong_to_a_client_on_a_socket_and_fall_with_it_there()
    {
        await _amy.AuthenticateAsync(_node.Token("cleo"));
        var cleos = await AcquireAsync(_amy, "card-1", client: "cleo");
        var amys = await AcquireAsync(_amy, "card-2");
        (await AcquireAsync(_ben, "card-1", wait: 60_000)).State.Should().Be("queued");
        (await ReleaseAsync(_amy, "card-1", cleos.Token)).Error!.Code.Should().Be(209, "amy has not got it");

        await _amy.InvokeAsync<Done>("Drop", new DropRequest { Client = "cleo" });

        (await _bens.ReadAsync().Soon()).Should().BeEquivalentTo(new { State = "granted", Name = "card-1" });
        (await AcquireAsync(_ben, "card-2")).Holder.Should().Be("amy");
        (await _amy.InvokeAsync<RenewLockResponse>("RenewLock", new RenewLockRequest { Lockspace = "board", Name = "card-2", Token = amys.Token })).LeaseMs.Should().Be(30_000);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G10")]
    public async Task A_lost_socket_keeps_its_lock_until_the_same_client_takes_it_over_and_a_revoked_client_does_not()
    {
        var first = await AcquireAsync(_amy, "card");
        await _amy.DisposeAsync();
        (await AcquireAsync(_ben, "card", wait: 60_000)).State.Should().Be("queued");
        await using var back = await StockSocket.DataAsync(_node, "amy");

        var seen = await AcquireAsync(back, "card");
        var again = await back.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card", Token = seen.Token });
        await back.DisposeAsync();
        await _node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        seen.Should().BeEquivalentTo(new { State = "taken", Holder = "amy", first.Token });
        again.State.Should().Be("granted");
        again.Token.Should().BeGreaterThan(first.Token!.Value);
        (await _bens.ReadAsync().Soon()).State.Should().Be("granted");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lock_is_broken_by_who_may_administer_and_by_nobody_else()
    {
        var amys = await AcquireAsync(_amy, "card");
        await using var control = await StockSocket.DiscoveredAsync(_node, "ben");
        await using var admin = await StockSocket.DiscoveredAsync(_node, "root", ("role", "admin"));
        var order = new BreakLockRequest { Lockspace = "board", Name = "card" };

        (await control.InvokeAsync<Done>("BreakLock", order)).Error!.Code.Should().Be(200);
        (await admin.InvokeAsync<Done>("BreakLock", order)).Error.Should().BeNull();

        (await _amys.ReadAsync().Soon()).Should().BeEquivalentTo(new { State = "broken", amys.Token });
        (await AcquireAsync(_ben, "card")).State.Should().Be("granted");
        (await admin.InvokeAsync<Done>("BreakLock", order with { Name = "other" })).Error!.Code.Should().Be(209);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Who_may_not_join_a_lockspace_takes_no_lock_in_it_and_Explain_says_so()
    {
        await using var limited = await StockSocket.DataAsAsync(_node, "dora", ("duplexity", new Dictionary<string, object> { ["join"] = new[] { "lockspace:own" } }));
        await using var control = await StockSocket.DiscoveredAsync(_node, "dora", ("duplexity", new Dictionary<string, object> { ["join"] = new[] { "lockspace:own" } }));

        (await AcquireAsync(limited, "card")).Error.Should().BeEquivalentTo(new { Code = 203, Gate = "scope" });
        (await limited.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "own", Name = "card" })).State.Should().Be("granted");
        (await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "lock", Target = "lockspace:board" })).Allowed.Should().BeFalse();
        (await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "lock", Target = "lockspace:own" })).Allowed.Should().BeTrue();
    }

    [Theory]
    [InlineData(null, "card", null, null, 103)]
    [InlineData("board", null, null, null, 102)]
    [InlineData("board", "a/b", null, null, 102)]
    [InlineData("board", "two words", null, null, 102)]
    [InlineData("board", "card", 999L, null, 102)]
    [InlineData("board", "card", 300_001L, null, 102)]
    [InlineData("board", "card", null, -1L, 102)]
    [InlineData("board", "card", null, 3_600_001L, 102)]
    public async Task A_request_that_cannot_be_is_refused_by_name(string? space, string? name, long? lease, long? wait, int code) =>
        (await _amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = space, Name = name, LeaseMs = lease, WaitMs = wait })).Error!.Code.Should().Be(code);

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lockspace_that_nobody_made_has_members_and_no_channel()
    {
        await _amy.JoinAsync("lockspace:board");

        (await _ben.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "lockspace:board" })).Members!.Select(m => m.Client).Should().Equal("amy");
        var sent = await _ben.SendAsync("hello", "lockspace:board");
        var nowhere = await _ben.SendAsync("hello", "lockspace:nowhere");
        sent.Error!.Code.Should().Be(203);
        sent.Error.Sentence.Should().Be(nowhere.Error!.Sentence.Replace("nowhere", "board", StringComparison.Ordinal));
    }

    private static Task<AcquireLockResponse> AcquireAsync(StockSocket socket, string name, long? wait = null, string? ticket = null, string? client = null) =>
        socket.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { As = client, Lockspace = "board", Name = name, WaitMs = wait, Ticket = ticket });

    private static Task<Done> ReleaseAsync(StockSocket socket, string name, long? token) =>
        socket.InvokeAsync<Done>("ReleaseLock", new ReleaseLockRequest { Lockspace = "board", Name = name, Token = token });

    private static Task<SendResponse> UnderAsync(StockSocket socket, string text, long? token) =>
        socket.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:board"], Text = text, Under = new LockToken { Lock = "board/card", Token = token } });
}
