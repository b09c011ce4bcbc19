using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Control and data connection of one session may come in either order, or at once.</summary>
public sealed class OrderTests
{
    [Fact]
    [Trait("Requirement", "2.8")]
    [Trait("Requirement", "2.21")]
    [Trait("Requirement", "2.30")]
    public async Task Raced_a_thousand_times_the_data_connection_never_gets_by_control_and_never_waits_in_vain()
    {
        await using var node = await TestNode.StartAsync();
        var registry = node.Services.GetRequiredService<IEngine>().Registry;

        await Parallel.ForEachAsync(Enumerable.Range(0, 1000), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (round, ct) =>
        {
            var (client, session, name) = ($"c{round}", $"s{round}", $"p{round}");
            await using var data = await RawHub.ConnectAsync(node, "data", node.Token(client));
            await using var control = await RawHub.ConnectAsync(node, "control", node.Token(client));
            var open = new { session, pipes = new[] { new { name, resource = "http://localhost:1" } } };
            var isDataFirst = round % 2 == 0;

            if (isDataFirst)
            {
                await data.InvokeAsync("Open", open);
            }

            await control.InvokeAsync("Discover", new { session });
            if (!isDataFirst)
            {
                await data.InvokeAsync("Open", open);
            }

            var told = await control.EventAsync("PipesAreRegistered").Soon();
            told.TryGetProperty("error", out var error).Should().BeFalse($"round {round}: {error}");
            told.GetProperty("pipes")[0].GetProperty("name").GetString().Should().Be($"{name}.localhost");
            (await registry.LocateAsync($"{name}.localhost", ct))!.Session.Should().Be(session, "it is registered before anybody is told");
        }).Soon(TestTimeout.Long);
    }
}
