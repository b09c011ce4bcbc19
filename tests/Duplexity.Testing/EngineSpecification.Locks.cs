using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    private static readonly LockName Card = new("board", "card-3");
    private static readonly LockHolder Amy = new("AMY", "s1");
    private static readonly LockHolder Ben = new("BEN", "s2");
    private static readonly LockHolder Cleo = new("CLEO", "s3");
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task A_lock_goes_to_one_then_to_those_who_wait_in_their_order_and_each_grant_has_a_greater_token()
    {
        await using var engine = await CreateAsync();
        var (locks, heard) = await StartLocksAsync(engine);

        var first = await locks.AcquireAsync(Ask(Amy));
        (await locks.AcquireAsync(Ask(Ben))).Should().BeEquivalentTo(new { Outcome = LockOutcome.Taken, Held = new { Holder = Amy, first.Held!.Token } });
        (await locks.AcquireAsync(Ask(Ben, wait: Hour))).Should().BeEquivalentTo(new { Outcome = LockOutcome.Queued, Position = 1 });
        (await heard.NextAsync(LockEvent.Contended)).Holder.Should().Be(Amy);
        (await locks.AcquireAsync(Ask(Cleo, wait: Hour))).Should().BeEquivalentTo(new { Outcome = LockOutcome.Queued, Position = 2 });
        (await locks.ReleaseAsync(Card, Ben, first.Held.Token)).Should().BeFalse("it is not his");
        (await locks.ReleaseAsync(Card, Amy, first.Held.Token)).Should().BeTrue();
        var second = await heard.NextAsync(LockEvent.Granted);
        second = second.Holder == Amy ? await heard.NextAsync(LockEvent.Granted) : second;
        (await locks.ReleaseAsync(Card, Ben, second.Token)).Should().BeTrue();
        var third = await heard.NextAsync(LockEvent.Granted);

        second.Should().BeEquivalentTo(new { Holder = Ben, Waited = true });
        third.Should().BeEquivalentTo(new { Holder = Cleo, Waited = true });
        new[] { first.Held.Token, second.Token, third.Token }.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems().And.OnlyContain(t => t < 1L << 53);
        locks.Find(Card)!.Holder.Should().Be(Cleo);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lease_that_is_not_renewed_ends_and_one_that_is_does_not()
    {
        await using var engine = await CreateAsync();
        var (locks, heard) = await StartLocksAsync(engine);
        var amy = (await locks.AcquireAsync(Ask(Amy))).Held!;
        await locks.AcquireAsync(Ask(Ben, wait: Hour));

        Time.Advance(TimeSpan.FromSeconds(29));
        (await locks.RenewAsync(Card, Amy, amy.Token)).Should().BeTrue();
        Time.Advance(TimeSpan.FromSeconds(29));
        locks.Find(Card)!.Holder.Should().Be(Amy);
        Time.Advance(TimeSpan.FromSeconds(2));
        await engine.TendAsync();

        (await heard.NextAsync(LockEvent.Expired)).Should().BeEquivalentTo(new { Holder = Amy, amy.Token });
        (await heard.NextAsync(LockEvent.Granted)).Holder.Should().Be(Ben);
        (await locks.RenewAsync(Card, Amy, amy.Token)).Should().BeFalse();
        (await locks.ReleaseAsync(Card, Amy, amy.Token)).Should().BeFalse();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Who_has_waited_long_enough_or_is_gone_is_not_in_line_any_more()
    {
        await using var engine = await CreateAsync();
        var (locks, heard) = await StartLocksAsync(engine);
        var amy = (await locks.AcquireAsync(Ask(Amy, lease: TimeSpan.FromMinutes(5)))).Held!;
        await locks.AcquireAsync(Ask(Ben, wait: TimeSpan.FromSeconds(10)));
        await locks.AcquireAsync(Ask(Cleo, wait: Hour));
        await locks.AcquireAsync(Ask(Ben with { SocketId = "s9" }, wait: Hour, ticket: "second"));

        Time.Advance(TimeSpan.FromSeconds(11));
        await engine.TendAsync();
        (await heard.NextAsync(LockEvent.GaveUp)).Holder.Should().Be(Ben);
        await locks.LoseAsync("s3");
        (await locks.WithdrawAsync(Card, Ben with { SocketId = "s9" }, "second")).Should().BeTrue();
        (await locks.WithdrawAsync(Card, Ben with { SocketId = "s9" }, "second")).Should().BeFalse();
        await locks.ReleaseAsync(Card, Amy, amy.Token);

        locks.Find(Card).Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_lost_socket_keeps_its_lock_until_the_lease_ends_and_a_dropped_client_does_not()
    {
        await using var engine = await CreateAsync();
        var (locks, _) = await StartLocksAsync(engine);
        var other = new LockName("board", "card-4");
        await locks.AcquireAsync(Ask(Amy));
        await locks.AcquireAsync(Ask(Ben with { SocketId = "s1" }) with { Name = other });

        await locks.LoseAsync("s1");
        locks.Find(Card).Should().NotBeNull();
        await locks.DropAsync("AMY", "s1");

        locks.Find(Card).Should().BeNull();
        locks.Find(other)!.Holder.Client.Should().Be("BEN", "it is his alone, on the same socket");
        await locks.DropAsync("BEN", null);
        locks.Find(other).Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task The_same_client_takes_its_lock_over_from_another_socket_with_a_greater_token_before_those_who_wait()
    {
        await using var engine = await CreateAsync();
        var (locks, heard) = await StartLocksAsync(engine);
        var amy = (await locks.AcquireAsync(Ask(Amy))).Held!;
        await locks.AcquireAsync(Ask(Ben, wait: Hour));
        var back = Amy with { SocketId = "s8" };

        (await locks.AcquireAsync(Ask(Cleo, ticket: "x") with { Token = amy.Token })).Outcome.Should().Be(LockOutcome.Lost, "another client has nothing to take over");
        (await locks.AcquireAsync(Ask(back, ticket: "x") with { Token = amy.Token - 1 })).Outcome.Should().Be(LockOutcome.Lost, "it is not held under that one");
        var taken = await locks.AcquireAsync(Ask(back, ticket: "x") with { Token = amy.Token });

        taken.Outcome.Should().Be(LockOutcome.Granted);
        taken.Held!.Token.Should().BeGreaterThan(amy.Token);
        (await heard.NextAsync(LockEvent.TakenOver)).Should().BeEquivalentTo(new { Holder = Amy, amy.Token });
        (await locks.RenewAsync(Card, Amy, amy.Token)).Should().BeFalse();
        (await locks.RenewAsync(Card, back, taken.Held.Token)).Should().BeTrue();
    }

    [Fact]
    public async Task A_request_that_comes_again_is_answered_as_it_was_and_a_second_one_of_the_same_holder_waits_like_any()
    {
        await using var engine = await CreateAsync();
        var (locks, _) = await StartLocksAsync(engine);
        var first = await locks.AcquireAsync(Ask(Amy, ticket: "t"));

        (await locks.AcquireAsync(Ask(Amy, ticket: "t"))).Should().BeEquivalentTo(first);
        (await locks.AcquireAsync(Ask(Amy, wait: Hour, ticket: "u"))).Outcome.Should().Be(LockOutcome.Queued);
        (await locks.AcquireAsync(Ask(Amy, wait: Hour, ticket: "u"))).Should().BeEquivalentTo(new { Outcome = LockOutcome.Queued, Position = 1 });
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_line_and_what_a_client_holds_and_waits_for_have_their_bounds()
    {
        await using var engine = await CreateAsync(o => (o.Locks.Waiters, o.Locks.PerClient) = (2, 3));
        var (locks, _) = await StartLocksAsync(engine);
        await locks.AcquireAsync(Ask(Amy));
        foreach (var n in new[] { 1, 2 })
        {
            (await locks.AcquireAsync(Ask(Ben, wait: Hour, ticket: $"{n}"))).Outcome.Should().Be(LockOutcome.Queued);
        }

        (await locks.AcquireAsync(Ask(Cleo, wait: Hour))).Outcome.Should().Be(LockOutcome.LineFull);
        (await locks.AcquireAsync(Ask(Ben) with { Name = new("board", "a") })).Outcome.Should().Be(LockOutcome.Granted);
        (await locks.AcquireAsync(Ask(Ben) with { Name = new("board", "b") })).Outcome.Should().Be(LockOutcome.TooMany);
        await locks.LoseAsync("s2");
        (await locks.AcquireAsync(Ask(Ben) with { Name = new("board", "b") })).Outcome.Should().Be(LockOutcome.Granted, "what it waited for was forgotten");
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task Of_many_who_ask_at_once_one_has_it_at_any_time()
    {
        await using var engine = await CreateAsync();
        var (locks, heard) = await StartLocksAsync(engine);
        var inside = 0;

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(n => Task.Run(async () => await locks.AcquireAsync(Ask(new($"C{n}", $"s{n}"), wait: Hour)))));
        answers.Count(a => a.Outcome == LockOutcome.Granted).Should().Be(1);
        for (var n = 0; n < 50; n++)
        {
            var granted = await heard.NextAsync(LockEvent.Granted);
            (++inside).Should().Be(1);
            inside--;
            (await locks.ReleaseAsync(Card, granted.Holder, granted.Token)).Should().BeTrue();
        }

        heard.All.Where(c => c.Event == LockEvent.Granted).Select(c => c.Token).Should().BeInAscendingOrder().And.OnlyHaveUniqueItems().And.HaveCount(50);
        (await engine.Nodes[0].Records.ListAsync("lock")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G17")]
    public async Task After_a_restart_a_held_lock_goes_to_nobody_else_before_its_lease_has_passed_and_tokens_go_on_whatever_the_clock_says()
    {
        await using var engine = await CreateAsync();
        var (locks, _) = await StartLocksAsync(engine);
        var free = new LockName("board", "free");
        var amy = (await locks.AcquireAsync(Ask(Amy))).Held!;
        var given = (await locks.AcquireAsync(Ask(Ben) with { Name = free })).Held!;
        await locks.ReleaseAsync(free, Ben, given.Token);
        Time.Advance(TimeSpan.FromSeconds(29));
        await locks.RenewAsync(Card, Amy, amy.Token);

        Time.AdjustTime(Time.GetUtcNow() - TimeSpan.FromDays(2));
        await engine.RestartAsync();
        (locks, var heard) = await StartLocksAsync(engine);

        (await locks.AcquireAsync(Ask(Ben) with { Name = free })).Held!.Token.Should().BeGreaterThan(given.Token, "it was given back before");
        (await locks.AcquireAsync(Ask(Ben, wait: Hour))).Outcome.Should().Be(LockOutcome.Queued);
        Time.Advance(TimeSpan.FromSeconds(29));
        locks.Find(Card)!.Token.Should().Be(amy.Token, "its holder counts on the lease that was renewed just before the end");
        Time.Advance(TimeSpan.FromSeconds(2));
        await engine.TendAsync();
        var ben = await heard.NextAsync(LockEvent.Granted);
        ben = ben.Name == free ? await heard.NextAsync(LockEvent.Granted) : ben;
        ben.Should().BeEquivalentTo(new { Name = Card, Holder = Ben });
        ben.Token.Should().BeGreaterThan(amy.Token);
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task After_a_restart_the_same_client_takes_its_lock_over_at_once()
    {
        await using var engine = await CreateAsync();
        var (locks, _) = await StartLocksAsync(engine);
        var amy = (await locks.AcquireAsync(Ask(Amy))).Held!;

        await engine.RestartAsync();
        (locks, _) = await StartLocksAsync(engine);
        var back = await locks.AcquireAsync(Ask(Amy with { SocketId = "s8" }, ticket: "x") with { Token = amy.Token });

        back.Outcome.Should().Be(LockOutcome.Granted);
        back.Held!.Token.Should().BeGreaterThan(amy.Token);
    }

    private static LockRequest Ask(LockHolder holder, TimeSpan wait = default, string? ticket = null, TimeSpan? lease = null) => new(Card, holder, ticket ?? holder.Client, lease ?? Lease, wait);

    private static async Task<(ILocks Locks, RecordingLockHandler Heard)> StartLocksAsync(EngineUnderTest engine)
    {
        var heard = new RecordingLockHandler();
        await engine.Nodes[0].Locks.StartAsync(heard);
        return (engine.Nodes[0].Locks, heard);
    }
}
