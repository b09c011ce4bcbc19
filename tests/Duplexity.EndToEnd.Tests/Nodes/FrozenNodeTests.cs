using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>A node whose process stands still for longer than its lease, while the others go on.</summary>
[Trait("Guarantee", "G8")]
[Trait("Guarantee", "G16")]
public sealed class FrozenNodeTests
{
    [Fact]
    [Trait("Requirement", "2.39")]
    public async Task It_delivers_nothing_to_who_was_revoked_meanwhile_and_everything_once_to_the_others_and_they_leave_and_join_once()
    {
        await using var redis = await RedisProcess.StartAsync();
        string[] settings = [$"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Redis:Lease=00:00:10", "--Duplexity:Redis:Renewal=00:00:00.2", "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster"];
        await using var a = await RealService.StartAsync(settings);
        await using var b = await a.StartBesideAsync(settings);
        await using var amy = b.Connection("amy");
        await using var ben = b.Connection("ben");
        await using var cleo = a.Connection("cleo");
        await Task.WhenAll(amy.ConnectAsync(), ben.ConnectAsync(), cleo.ConnectAsync()).Soon(TestTimeout.Long);
        var (amys, bens) = (new Heard(await amy.JoinAsync("board")), new Heard(await ben.JoinAsync("board")));
        await using var room = await cleo.JoinAsync("board");
        var gone = new List<string>();
        var watching = WatchUntilGoneAsync(room, "amy", gone);
        await cleo.SendAsync(Address.Room("board"), "before");
        (await amys.NextAsync()).Text.Should().Be("before");
        (await bens.NextAsync()).Text.Should().Be("before");

        b.Process.Freeze();
        using var root = new HttpClient { BaseAddress = a.Address, DefaultRequestHeaders = { Authorization = new("Bearer", a.Token("root", ("role", "admin"))) } };
        var pending = await RevokeAsync(root);
        for (var i = 0; i < 20; i++)
        {
            await cleo.SendAsync(Address.Room("board"), $"after {i}");
        }

        pending.Should().Be(1, "the node has not done it, and its lease is not over");
        while (await RevokeAsync(root) > 0)
        {
            // Each call waits for two seconds; when it answers 0, the node's lease is over.
        }

        b.Process.Unfreeze();
        (await amy.Closed.Soon(TestTimeout.Long)).Name.Should().Be("revoked");
        for (var i = 0; i < 20; i++)
        {
            (await bens.NextAsync()).Text.Should().Be($"after {i}");
        }

        amys.HasNothing.Should().BeTrue("the revocation had been answered before any of it");
        await cleo.SendAsync(Address.Room("board"), "now");
        (await bens.NextAsync()).Text.Should().Be("now");
        await watching.Soon(TestTimeout.Long);
        gone.Count(c => c == "ben").Should().BeLessThanOrEqualTo(1);
        gone.Should().ContainSingle(c => c == "amy");
    }

    private static async Task<int> RevokeAsync(HttpClient root)
    {
        using var answer = await root.PostAsJsonAsync("api/revocations", new { client = "amy" }).Soon();
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("pending").GetInt32();
    }

    /// <summary>Keeps who has gone, up to <paramref name="last"/> and what was told with it.</summary>
    private static async Task WatchUntilGoneAsync(Room room, string last, List<string> gone)
    {
        await foreach (var change in room.WatchPresenceAsync())
        {
            gone.AddRange(change.Gone);
            if (gone.Contains(last))
            {
                return;
            }
        }
    }
}
