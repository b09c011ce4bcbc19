using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>A room with very many members. Alone on the machine: five thousand handshakes leave nothing for tests beside them.</summary>
[Trait("Requirement", "1.27")]
[Collection(nameof(CrowdScenarios))]
[CollectionDefinition(nameof(CrowdScenarios), DisableParallelization = true)]
public sealed class CrowdScenarios
{
    [Theory]
    [InlineData(1, 5_000)]
    [InlineData(2, 500)]
    [InlineData(3, 500)]
    [InlineData(4, 500)]
    [InlineData(5, 500)]
    public async Task Everybody_in_a_large_room_hears_everything_in_order_once(int seed, int members)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var room = Address.Room("crowd");
        var crowd = new RawHub[members];
        await Parallel.ForAsync(0, members, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            crowd[i] = await RawHub.ConnectAsync(rig.Node, "data", rig.Node.Token($"member-{i}"));
            await crowd[i].AskAsync("Join", new { channel = "room:crowd" });
        });
        foreach (var member in crowd)
        {
            rig.Keep(member);
        }

        (await rig.Node.Services.GetRequiredService<IEngine>().Presence.ReadAsync(room)).Members.Should().HaveCount(members);
        var sender = await rig.ConnectAsync("sender");
        var messages = members > 1_000 ? 5 : rig.Random.Next(10, 30);
        await Task.WhenAll(Enumerable.Range(0, messages).Select(n => sender.SendAsync(room, $"{n}"))).Soon();

        await Parallel.ForEachAsync(crowd, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (member, _) =>
        {
            var heard = new List<string?>();
            while (heard.Count < messages)
            {
                heard.AddRange((await member.EventAsync("Deliver").Soon(TestTimeout.Long)).EnumerateArray().Select(m => m.GetProperty("text").GetString()));
            }

            heard.Should().Equal(Enumerable.Range(0, messages).Select(n => $"{n}"));
        });
    }
}
