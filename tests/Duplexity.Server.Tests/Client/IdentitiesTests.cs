using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>Several clients on one connection of the SDK.</summary>
public sealed class IdentitiesTests
{
    [Fact]
    [Trait("Requirement", "1.4")]
    [Trait("Guarantee", "G10")]
    public async Task A_connection_sends_as_each_client_that_it_holds_and_is_told_who_falls_off()
    {
        await using var node = await TestNode.StartAsync();
        await using var connection = await node.ConnectAsync("ben");
        await using var other = await node.ConnectAsync("cleo");
        await using var room = await other.JoinAsync("lobby");
        using var heard = new Heard(room);
        var gone = new TaskCompletionSource<IdentitiesChangedEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Identities.Changed += e => _ = e.Change == "revoked" && gone.TrySetResult(e);

        var amy = await connection.Identities.AddAsync(node.Token("amy"));
        await connection.SendAsync(Address.Room("lobby"), "as ben");
        connection.Identities.SetPrimary("amy");
        await connection.SendAsync(Address.Room("lobby"), "as amy");
        await connection.SendAsync(Address.Room("lobby"), "as ben again", new SendOptions { As = "ben" });
        var refused = await connection.Invoking(c => c.Identities.AddAsync("nonsense")).Should().ThrowAsync<DuplexityException>();
        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        amy.Allowances.Send.Should().Equal("*");
        refused.Which.Error.Name.Should().Be("token_refused");
        new[] { (await heard.NextAsync()).From.Client, (await heard.NextAsync()).From.Client, (await heard.NextAsync()).From.Client }.Should().Equal("ben", "amy", "ben");
        (await gone.Task.Soon()).Client.Should().Be("amy");
        connection.Identities.Select(i => i.Client).Should().Equal("ben");
        connection.Identities.Primary.Should().Be("ben");
        await connection.Invoking(c => c.Identities.DropAsync("ben")).Should().ThrowAsync<InvalidOperationException>();
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task Added_clients_are_there_again_after_a_reconnect_and_one_that_is_refused_then_falls_off_alone()
    {
        await using var node = await TestNode.StartAsync();
        await using var connection = await node.ConnectAsync("ben");
        await connection.Identities.AddAsync(_ => ValueTask.FromResult<string?>(node.Token("amy")));
        var cleos = node.Token("cleo");
        await connection.Identities.AddAsync(_ => ValueTask.FromResult<string?>(cleos));
        var first = connection.SocketId;
        var ready = Wait.For<ConnectionStateChange>("ready again", take => connection.StateChanged += change =>
        {
            if (change is { Current: ConnectionState.Ready, Previous: ConnectionState.Reconnecting })
            {
                take(change);
            }
        });

        cleos = "refused by now";
        node.Services.GetRequiredService<SocketIndex>().Find(first)!.Transport.Cut();
        await ready;

        connection.SocketId.Should().NotBe(first);
        connection.Identities.Select(i => i.Client).Should().BeEquivalentTo("ben", "amy");
        (await connection.SendAsync(Address.Client("dora"), "still amy", new SendOptions { As = "amy" })).Complete.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task A_client_that_ends_soon_is_renewed_from_its_source()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var connection = await node.ConnectAsync("ben");
        var renewed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.Identities.Changed += e => _ = e is { Client: "amy", Change: "refreshed" } && renewed.TrySetResult();
        var asked = 0;
        await connection.Identities.AddAsync(_ =>
        {
            asked++;
            return ValueTask.FromResult<string?>(node.Token("amy", TimeSpan.FromMinutes(asked)));
        });

        time.Advance(TimeSpan.FromSeconds(65));
        await renewed.Task.Soon();

        asked.Should().Be(2);
        (await connection.SendAsync(Address.Client("dora"), "still amy", new SendOptions { As = "amy" })).Complete.Should().BeTrue();
    }
}
