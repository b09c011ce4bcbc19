using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>A node that runs message pipes is killed while they carry: another goes on with them, and each message is at each destination once.</summary>
public sealed class KilledPipesTests
{
    private const int Owners = 8;
    private const int Messages = 600;

    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G20")]
    public async Task What_a_killed_node_carried_another_carries_on_once_and_in_order()
    {
        await using var redis = await RedisProcess.StartAsync();
        string[] settings = [$"--Duplexity:Redis:Connection={redis.Connection}", "--Duplexity:Redis:Lease=00:00:04", "--Duplexity:Redis:Renewal=00:00:00.2", "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster"];
        await using var a = await RealService.StartAsync(settings);
        await using var b = await a.StartBesideAsync(settings);
        await using var cleo = a.Connection("cleo");
        await using var ben = a.Connection("ben");
        await Task.WhenAll(cleo.ConnectAsync(), ben.ConnectAsync()).Soon(TestTimeout.Long);
        for (var owner = 0; owner < Owners; owner++)
        {
            // With so many owners both nodes have pipes to run, however they divide them.
            await using var connection = a.Connection($"owner{owner}");
            await connection.ConnectAsync().Soon(TestTimeout.Long);
            await connection.MessagePipes.SetAsync([new() { From = "room:a", To = [$"room:b{owner}", $"room:c{owner}"] }]).Soon(TestTimeout.Long);
        }

        var sends = new List<Task>();
        for (var i = 1; i <= Messages; i++)
        {
            sends.Add(cleo.SendAsync(Address.Room("a"), $"{i}"));
            if (i % 16 == 0)
            {
                await Task.WhenAll(sends).Soon(TestTimeout.Long);
            }

            if (i == Messages / 2)
            {
                b.Process.Kill();
            }
        }

        await Task.WhenAll(sends).Soon(TestTimeout.Long);
        var sent = await TextsAsync(ben, "a");
        sent.Should().BeEquivalentTo(Enumerable.Range(1, Messages).Select(i => $"{i}"));
        for (var owner = 0; owner < Owners; owner++)
        {
            await using var room = await ben.JoinAsync($"b{owner}", new JoinOptions { Since = Position.Start });
            using var heard = new Heard(room);
            (await heard.TextsAsync(Messages)).Should().Equal(sent, "owner {0}", owner);
        }

        for (var owner = 0; owner < Owners; owner++)
        {
            (await TextsAsync(ben, $"b{owner}")).Should().Equal(sent, "nothing came behind the last one");
            (await TextsAsync(ben, $"c{owner}")).Should().Equal(sent, "what goes to two is one append");
        }
    }

    private static async Task<List<string?>> TextsAsync(DuplexityConnection connection, string room)
    {
        List<string?> texts = [];
        await foreach (var message in connection.HistoryAsync(Address.Room(room), new HistoryOptions { Since = Position.Start }))
        {
            texts.Add(message.Text);
        }

        return texts;
    }
}
