using System.Net.WebSockets;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Revocations and forced disconnects from any node to any node (G8, G21).</summary>
[Trait("Guarantee", "G8")]
public sealed class RedisRevocationTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_revocation_is_in_force_on_a_node_that_hears_no_pub_sub_when_its_call_returns()
    {
        await using var line = new FaultProxy(redis.Server.Port) { Loss = 1 };
        await using var pair = await RedisPair.StartAsync(redis, line.Connection);
        var token = pair.B.Token("amy");
        await using var amy = await StockSocket.ConnectAsync(new Uri(pair.B.Address, "data"), token);
        await using var control = await StockSocket.ConnectAsync(new Uri(pair.B.Address, "control"), token);
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await amy.TakenInAsync(pair.B);

        var hit = await pair.A.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        hit.Should().Be(2);
        line.Lost.Should().BeGreaterThan(0, "the other node was told, and did not hear it");
        (await amy.Disconnected).Code.Should().Be(Errors.Revoked.Code);
        (await control.Disconnected).Code.Should().Be(Errors.Revoked.Code);
        foreach (var node in new[] { pair.A, pair.B })
        {
            await FluentActions.Awaiting(() => StockSocket.ConnectAsync(new Uri(node.Address, "data"), token)).Should().ThrowAsync<WebSocketException>();
        }
    }

    [Fact]
    public async Task A_client_that_one_node_disables_another_enables_and_a_node_that_starts_later_knows()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        var (a, b) = (pair.A.Services.GetRequiredService<IDuplexity>(), pair.B.Services.GetRequiredService<IDuplexity>());
        await a.DisableAsync("amy");
        await b.RemoveAsync("cleo");
        await FluentActions.Awaiting(() => StockSocket.DataAsync(pair.B, "amy")).Should().ThrowAsync<WebSocketException>();
        await FluentActions.Awaiting(() => StockSocket.DataAsync(pair.A, "cleo")).Should().ThrowAsync<WebSocketException>();

        await using var later = await pair.NodeAsync("c");
        await FluentActions.Awaiting(() => StockSocket.DataAsync(later, "amy")).Should().ThrowAsync<WebSocketException>();
        await later.Services.GetRequiredService<IDuplexity>().EnableAsync("amy");

        foreach (var node in new[] { pair.A, pair.B, later })
        {
            // The service's own token says milliseconds: one that says seconds may be of the second in which she was disabled.
            var token = node.Services.GetRequiredService<IDuplexity>().CreateToken("amy", TimeSpan.FromHours(1));
            await using var back = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), token);
            await FluentActions.Awaiting(() => StockSocket.DataAsync(node, "cleo")).Should().ThrowAsync<WebSocketException>();
        }
    }

    [Fact]
    public async Task What_two_nodes_change_about_one_client_at_once_is_both_kept()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        var (a, b) = (pair.A.Services.GetRequiredService<IDuplexity>(), pair.B.Services.GetRequiredService<IDuplexity>());
        for (var i = 0; i < 20; i++)
        {
            await Task.WhenAll(a.DisableAsync($"amy{i}"), b.RevokeAsync($"amy{i}"));
        }

        await using var later = await pair.NodeAsync("c");
        foreach (var node in new[] { pair.A, pair.B, later })
        {
            var standing = node.Services.GetRequiredService<Duplexity.Server.Sockets.Standing>();
            Enumerable.Range(0, 20).Should().OnlyContain(i => standing.IsOut($"amy{i}"));
        }
    }

    [Fact]
    [Trait("Requirement", "2.39")]
    [Trait("Guarantee", "G21")]
    public async Task Who_is_forced_off_from_another_node_is_told_why_and_kept_away_by_all_also_by_one_that_starts_later()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var root = await StockSocket.DiscoveredAsync(pair.A, "root", ("role", "admin"));
        await using var amy = await StockSocket.DataAsync(pair.B, "amy");
        await using var bens = await StockSocket.DataAsync(pair.B, "ben", query: "?session=s1");
        await using var bensControl = await StockSocket.ControlAsync(pair.B, "ben");
        await bensControl.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });

        var client = await root.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = "client:amy", Reason = "sold" });
        var socket = await root.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = $"socket:{bens.Id}", Reason = "sold too" });

        client.Should().BeEquivalentTo(new { Sockets = 1, Pending = 0 });
        socket.Should().BeEquivalentTo(new { Sockets = 1, Pending = 0 });
        (await amy.Disconnected).Should().BeEquivalentTo(new { Errors.ForcedOut.Code, Reason = "sold" });
        (await bens.Disconnected).Should().BeEquivalentTo(new { Errors.ForcedOut.Code, Reason = "sold too" });
        await using var later = await pair.NodeAsync("c");
        foreach (var node in new[] { pair.A, pair.B, later })
        {
            await FluentActions.Awaiting(() => StockSocket.DataAsync(node, "amy")).Should().ThrowAsync<WebSocketException>();
            await FluentActions.Awaiting(() => StockSocket.DataAsync(node, "ben", query: "?session=s1")).Should().ThrowAsync<WebSocketException>();
            await using var other = await StockSocket.DataAsync(node, "ben", query: "?session=s2");
        }

        (await root.InvokeAsync<ForceDisconnectResponse>("ForceDisconnect", new ForceDisconnectRequest { Target = "socket:none" })).Error!.Name.Should().Be("denied");
    }
}
