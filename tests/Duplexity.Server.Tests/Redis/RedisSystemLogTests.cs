using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>The system log where hints are lost and nodes are dead (G8, G16).</summary>
[Trait("Guarantee", "G8")]
public sealed class RedisSystemLogTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    public async Task A_node_that_hears_no_hint_does_what_was_told_before_it_renews_its_lease()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var handler = new RecordingSystemHandler();
        rig.Engine.Nodes[1].SystemLog.Attach(handler);
        await using var admin = await redis.Server.ConnectAsync();

        // As a teller of which every hint is lost.
        await admin.GetDatabase().StreamAddAsync($"{rig.Engine.Prefix}:1:system", [new("n", 7), new("after", 0), new("by", "n9"), new("kind", "revoked"), new("text", "amy")]);
        handler.Told.Should().BeEmpty();
        await rig.Engine.Engines[1].Node.RoundAsync();

        handler.Told.Should().Equal(("revoked", "amy"));
    }

    [Fact]
    public async Task The_teller_waits_for_a_node_until_it_has_done_it_or_its_lease_is_over()
    {
        await using var rig = await RedisRig.StartAsync(redis, o => o.Renewal = TimeSpan.FromMilliseconds(20));
        var (stuck, asked) = (new TaskCompletionSource(), new TaskCompletionSource());
        var (quick, slow) = (new RecordingSystemHandler(), new RecordingSystemHandler { Hold = () => { asked.TrySetResult(); return stuck.Task; } });
        rig.Engine.Nodes[0].SystemLog.Attach(quick);
        rig.Engine.Nodes[1].SystemLog.Attach(slow);
        var log = rig.Engine.Nodes[0].SystemLog;

        var first = await log.TellAsync("revoked", "amy", TimeSpan.Zero);
        first.Pending.Should().BeGreaterThan(0, "nobody was waited for");
        var whole = log.TellAsync("revoked", "ben", null).AsTask();
        await asked.Task.Soon();
        whole.IsCompleted.Should().BeFalse("one node has not done it, and may be alive");
        rig.Time.Advance(TimeSpan.FromSeconds(29));
        await rig.Engine.Engines[0].Node.RoundAsync();
        whole.IsCompleted.Should().BeFalse();
        rig.Time.Advance(TimeSpan.FromSeconds(1));

        (await whole.Soon()).Should().Be(new Duplexity.Server.Engine.Told(1, 0), "the other node's lease is over");
        stuck.SetResult();
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    public async Task A_node_that_was_taken_for_dead_is_told_that_it_missed_something_and_nobody_waits_for_it()
    {
        await using var rig = await RedisRig.StartAsync(redis);
        var handler = new RecordingSystemHandler();
        var node = rig.Engine.Engines[1];
        node.SystemLog.Attach(handler);
        await using var admin = await redis.Server.ConnectAsync();
        await admin.GetDatabase().SortedSetRemoveAsync($"{rig.Engine.Prefix}:1:nodes", node.Node.Id);

        var told = await rig.Engine.Nodes[0].SystemLog.TellAsync("revoked", "amy", null);
        told.Pending.Should().Be(0);
        await node.Node.RoundAsync();

        handler.Missed.Should().Be(1);
        await rig.Engine.Nodes[0].SystemLog.TellAsync("revoked", "ben", null);
        handler.Told.Should().Contain(("revoked", "ben"));
    }
}
