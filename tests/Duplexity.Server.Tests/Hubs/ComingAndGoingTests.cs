using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>A connection that many clients come to and leave: a gateway of an application, or somebody who wants a fresh rate with each coming.</summary>
public sealed class ComingAndGoingTests
{
    [Fact]
    [Trait("Guarantee", "G24")]
    [Trait("Requirement", "1.4")]
    public async Task A_gateway_takes_on_any_number_of_clients_one_after_the_other()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.IdentitiesPerSocket = 2);
        await using var socket = await StockSocket.DataAsync(node, "gateway");

        for (var i = 0; i < 100; i++)
        {
            await socket.AuthenticateAsync(node.Token($"c{i}"));
            (await socket.SendAsAsync($"c{i}", "x", "room:lobby")).Error.Should().BeNull();
            (await socket.InvokeAsync<Done>("Drop", new DropRequest { Client = $"c{i}" })).Error.Should().BeNull();
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    [Trait("Requirement", "1.10")]
    public async Task What_was_used_is_remembered_within_a_bound_that_is_said_and_coming_back_gives_nothing()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.IdentitiesPerSocket = 2);
        await using var socket = await StockSocket.DataAsync(node, "gateway");
        string Limited(string client) => node.Token(client, null, ("duplexity", new { limits = new { messages = 1, windowMs = 3_600_000 } }));

        // Two times sixteen are remembered, the gateway itself one of them.
        for (var i = 0; i < 31; i++)
        {
            await socket.AuthenticateAsync(Limited($"c{i}"));
            (await socket.SendAsAsync($"c{i}", "x", "room:lobby")).Error.Should().BeNull();
            await socket.InvokeAsync<Done>("Drop", new DropRequest { Client = $"c{i}" });
        }

        var refused = await socket.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = Limited("another") });

        refused.Error.Should().BeEquivalentTo(new { Name = "too_many_identities", Limit = "identities_per_socket" });
        refused.Error!.Sentence.Should().Contain("open another connection");
        await socket.AuthenticateAsync(Limited("c0"));
        (await socket.SendAsAsync("c0", "y", "room:lobby")).Error!.Limit.Should().Be("messages_per_window");
    }
}
