using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>Locks through the SDK, against a real node.</summary>
public sealed class HeldLockTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private DuplexityConnection _amy = null!;
    private DuplexityConnection _ben = null!;

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _amy = await _node.ConnectAsync("amy");
        _ben = await _node.ConnectAsync("ben");
    }

    public async Task DisposeAsync()
    {
        await _amy.DisposeAsync();
        await _ben.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task A_lock_passes_from_hand_to_hand_and_what_is_sent_under_an_old_grant_is_refused()
    {
        await using var amys = await _amy.EnterAsync("board").Soon();
        await using var bens = await _ben.EnterAsync("board").Soon();
        var first = await amys.AcquireAsync("card").Soon();
        (await bens.TryAcquireAsync("card").Soon()).Should().BeNull();
        var waiting = bens.AcquireAsync("card");

        await _amy.SendAsync(Address.Room("board"), "mine", new() { Under = first }).Soon();
        await first.DisposeAsync();
        await using var second = await waiting.Soon();
        await _ben.SendAsync(Address.Room("board"), "his", new() { Under = second }).Soon();
        var late = await _amy.Awaiting(a => a.SendAsync(Address.Room("board"), "late", new() { Under = first }).Soon()).Should().ThrowAsync<DuplexityException>();

        second.Token.Should().BeGreaterThan(first.Token);
        second.Name.Should().Be("board/card");
        late.Which.Code.Should().Be(209);
        first.Lost.IsCancellationRequested.Should().BeFalse("it was given back, not lost");
        (await _ben.HistoryAsync(Address.Room("board")).ToListAsync()).Select(m => m.Text).Should().Equal("mine", "his");
        await _ben.Awaiting(b => b.EmitAsync("nowhere", new() { Under = second })).Should().ThrowAsync<ArgumentException>();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_held_lock_renews_itself_and_who_waits_in_vain_is_told_by_whom_it_is_held()
    {
        var lease = TimeSpan.FromSeconds(5);
        await using var amys = await _amy.EnterAsync("board", new() { Lease = lease }).Soon();
        await using var bens = await _ben.EnterAsync("board").Soon();
        await using var held = await amys.AcquireAsync("card").Soon();

        var vain = await bens.Awaiting(b => b.AcquireAsync("card", 2.1 * lease)).Should().ThrowAsync<DuplexityException>();

        vain.Which.Code.Should().Be(404);
        vain.Which.Message.Should().Contain("amy holds board/card");
        vain.Which.RetryAfter.Should().BeLessThanOrEqualTo(lease);
        held.Lost.IsCancellationRequested.Should().BeFalse("two leases have passed, and it was renewed");
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task A_program_that_is_cut_off_knows_that_its_lock_is_lost_before_anybody_else_has_it()
    {
        await using var line = new FaultyLine(_node.Port);
        await using var cleo = new DuplexityConnection(line.Address, new() { Token = _ => ValueTask.FromResult<string?>(_node.Token("cleo")) });
        await cleo.ConnectAsync().Soon();
        await using var cleos = await cleo.EnterAsync("board", new() { Lease = TimeSpan.FromSeconds(15) }).Soon();
        await using var bens = await _ben.EnterAsync("board").Soon();
        await using var held = await cleos.AcquireAsync("card").Soon();
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = held.Lost.Register(() => lost.SetResult());
        var waiting = bens.AcquireAsync("card");

        line.Cut(stayDown: true);
        var first = await Task.WhenAny(lost.Task, waiting).Soon();

        first.Should().BeSameAs(lost.Task);
        await using var next = await waiting.Soon();
        next.Token.Should().BeGreaterThan(held.Token);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lock_outlives_a_lost_connection_and_is_given_back_by_the_next_one()
    {
        await using var line = new FaultyLine(_node.Port);
        await using var cleo = new DuplexityConnection(line.Address, new() { Token = _ => ValueTask.FromResult<string?>(_node.Token("cleo")) });
        await cleo.ConnectAsync().Soon();
        await using var cleos = await cleo.EnterAsync("board", new() { Lease = TimeSpan.FromMinutes(5) }).Soon();
        await using var bens = await _ben.EnterAsync("board").Soon();
        var held = await cleos.AcquireAsync("card").Soon();
        var waiting = bens.AcquireAsync("card");
        var back = Wait.For<ConnectionStateChange>("cleo is back", done => cleo.StateChanged += c =>
        {
            if (c is { Current: ConnectionState.Ready, Previous: ConnectionState.Reconnecting })
            {
                done(c);
            }
        });

        line.Cut();
        await back;
        held.Lost.IsCancellationRequested.Should().BeFalse();
        await held.DisposeAsync();

        await using var next = await waiting.Soon();
        next.Token.Should().BeGreaterThan(held.Token, "its lease would have held it for minutes");
        held.Lost.IsCancellationRequested.Should().BeFalse();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_wait_that_is_cancelled_leaves_the_line_and_a_closed_connection_gives_back()
    {
        await using var bens = await _ben.EnterAsync("board").Soon();
        var cleo = await _node.ConnectAsync("cleo");
        var cleos = await cleo.EnterAsync("board").Soon();
        await cleos.AcquireAsync("card").Soon();
        using var stop = new CancellationTokenSource();
        var waiting = bens.AcquireAsync("card", ct: stop.Token);

        await stop.CancelAsync();
        await waiting.Awaiting(w => w).Should().ThrowAsync<OperationCanceledException>();
        await cleo.DisposeAsync();

        await using var amys = await _amy.EnterAsync("board").Soon();
        await using var held = await amys.AcquireAsync("card").Soon();
        held.Token.Should().BePositive();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Two_requests_of_one_program_exclude_each_other()
    {
        await using var space = await _amy.EnterAsync("board").Soon();
        var inside = 0;

        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            await using var held = await space.AcquireAsync("card");
            Interlocked.Increment(ref inside).Should().Be(1);
            await _amy.SendAsync(Address.Room("board"), "x", new() { Under = held });
            Interlocked.Decrement(ref inside);
        })).Soon();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lock_that_is_broken_is_lost_at_once()
    {
        await using var space = await _amy.EnterAsync("board").Soon();
        await using var held = await space.AcquireAsync("card").Soon();
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = held.Lost.Register(() => lost.SetResult());
        await using var admin = await StockSocket.DiscoveredAsync(_node, "root", ("role", "admin"));

        await admin.InvokeAsync<Done>("BreakLock", new BreakLockRequest { Lockspace = "board", Name = "card" });

        await lost.Task.Soon();
    }
}
