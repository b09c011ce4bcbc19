using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class ClaimTests
{
    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Workers_share_the_work_and_what_one_gives_back_comes_again()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Times.InboxClaim, o.Times.InboxAgain, o.Times.InboxAgainMost, o.Limits.InboxAttempts) =
            (TimeSpan.FromHours(1), TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1), 6));
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await WorkerAsync(node, hands: 2);
        await using var claims = amy.Inbox.ClaimAllAsync().GetAsyncEnumerator();
        await ben.SendAsync(Address.Client("amy"), "long");
        var kept = await NextAsync(claims); // alone: of two that are dealt at once, the one whose lease is sure first comes first
        await ben.SendAsync(Address.Client("amy"), "poison");
        var attempts = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            await using var poison = await NextAsync(claims);
            attempts.Add(poison.Attempt);
            poison.Message.Text.Should().Be("poison");
        }

        attempts.Should().Equal(1, 2, 3, 4, 5, 6);
        kept.Lost.IsCancellationRequested.Should().BeFalse();
        await kept.AcknowledgeAsync();
        await kept.DisposeAsync();
        var taken = () => amy.Inbox.AcknowledgeAsync(kept.Message);
        (await taken.Should().ThrowAsync<DuplexityException>()).Which.Name.Should().Be("stale_attempt");
        await node.Logs.WaitForAsync("the dead letter", l => l.Event.Id == 3051);

        var letter = (await ListAsync(amy.Inbox.DeadLettersAsync())).Single();
        (letter.Message.Text, letter.Attempts).Should().Be(("poison", 6));
        var id = await amy.Inbox.ReplayAsync(letter.Message.Id);
        await using var anew = await NextAsync(claims);
        (anew.Message.Id, anew.Attempt).Should().Be((id, 1));
        await amy.Inbox.AcknowledgeAsync(anew.Message);
        var gone = () => amy.Inbox.DiscardAsync(letter.Message.Id);
        (await gone.Should().ThrowAsync<DuplexityException>()).Which.Name.Should().Be("place_gone");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task A_claim_renews_itself_for_as_long_as_its_work_takes()
    {
        var lease = TimeSpan.FromSeconds(51);
        var time = new RenewalClock(pause: lease / 3); // 17 s: no other timer has it
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => o.Times.InboxClaim = lease));
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await node.ConnectAsync("amy", o => o with { Inbox = new() { Ack = AckMode.Claim }, TimeProvider = time });
        await amy.Inbox.JoinAsync();
        await using var claims = amy.Inbox.ClaimAllAsync().GetAsyncEnumerator();
        await ben.SendAsync(Address.Client("amy"), "long");
        await using var kept = await NextAsync(claims);
        for (var thirds = 0; thirds < 7; thirds++)
        {
            await time.Renewed.WaitAsync().Soon();
            time.Advance(lease / 3);
        }

        await time.Renewed.WaitAsync().Soon();
        kept.Lost.IsCancellationRequested.Should().BeFalse("more than twice its lease has passed");
        await kept.AcknowledgeAsync();
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task A_claim_is_lost_with_its_connection_and_another_worker_has_it_after_the_lease()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => o.Times.InboxClaim = TimeSpan.FromMinutes(1)));
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await WorkerAsync(node);
        await using var claims = amy.Inbox.ClaimAllAsync().GetAsyncEnumerator();
        await ben.SendAsync(Address.Client("amy"), "work");
        var claim = await NextAsync(claims);
        await using var other = await WorkerAsync(node);
        await using var others = other.Inbox.ClaimAllAsync().GetAsyncEnumerator();

        await node.Services.GetRequiredService<IDuplexity>().DisconnectAsync(Address.Socket(amy.SocketId), "go");

        await LostAsync(claim);
        var late = () => claim.AcknowledgeAsync();
        (await late.Should().ThrowAsync<DuplexityException>()).Which.Name.Should().Be("stale_attempt");
        time.Advance(TimeSpan.FromMinutes(1));
        var second = await NextAsync(others);
        (second.Message.Id, second.Attempt).Should().Be((claim.Message.Id, 2));
        await second.AcknowledgeAsync();
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task Who_ends_its_connection_gives_back_at_once_what_it_has_claimed()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.InboxClaim = TimeSpan.FromHours(1));
        await using var ben = await node.ConnectAsync("ben");
        await using var other = await node.ConnectAsync("amy", o => o with { Inbox = new() { Ack = AckMode.Claim } });
        ClaimedMessage claim;
        await using (var amy = await WorkerAsync(node, time: new FakeTimeProvider())) // it has all the time there is to give back
        {
            await using var claims = amy.Inbox.ClaimAllAsync().GetAsyncEnumerator();
            await ben.SendAsync(Address.Client("amy"), "work");
            claim = await NextAsync(claims);
        }

        await LostAsync(claim);
        await using var others = other.Inbox.ClaimAllAsync().GetAsyncEnumerator();
        (await NextAsync(others)).Attempt.Should().Be(2);
        var byHand = () => ben.Inbox.ClaimAllAsync();
        byHand.Should().Throw<InvalidOperationException>();
    }

    private static async Task<DuplexityConnection> WorkerAsync(TestNode node, int hands = 1, TimeProvider? time = null)
    {
        var worker = await node.ConnectAsync("amy", o => o with { Inbox = new() { Ack = AckMode.Claim, Hands = hands }, TimeProvider = time ?? TimeProvider.System });
        await worker.Inbox.JoinAsync();
        return worker;
    }

    private static async Task<ClaimedMessage> NextAsync(IAsyncEnumerator<ClaimedMessage> claims) => await claims.MoveNextAsync().AsTask().Soon() ? claims.Current : throw new InvalidOperationException("Nothing follows.");

    private static Task LostAsync(ClaimedMessage claim)
    {
        var lost = new TaskCompletionSource();
        claim.Lost.Register(lost.SetResult);
        return lost.Task.Soon();
    }

    private static async Task<List<DeadMessage>> ListAsync(IAsyncEnumerable<DeadMessage> letters)
    {
        var all = new List<DeadMessage>();
        await foreach (var letter in letters)
        {
            all.Add(letter);
        }

        return all;
    }
}
