using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>The ways out of a lockspace that holds which are none: gates that send on, and guessed keys.</summary>
public sealed class HeldTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private TestNode _node = null!;
    private StockSocket _owner = null!;
    private StockSocket _amy = null!;

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync(s =>
        {
            s.Time = _time;
            s.Builder = builder => builder
                .AddGate(Step.Ingress, "client:eve", c => new(c.Message!.Type == "on" ? GateResult.Redirect(Address.Room("lobby")) : GateResult.Pass), "eve")
                .AddGate(Step.Entry, "lockspace:exam", c => new(c.Message?.Type == "on" ? GateResult.Redirect(Address.Room("lobby")) : GateResult.Pass), "exam");
        });
        _owner = await StockSocket.DiscoveredAsync(_node, "owner");
        _amy = await StockSocket.DataAsync(_node, "amy");
    }

    public async Task DisposeAsync()
    {
        await _owner.DisposeAsync();
        await _amy.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Theory]
    [InlineData("amy", "exam", "exam")]
    [InlineData("eve", "other", "eve")]
    [Trait("Requirement", "1.15")]
    [Trait("Requirement", "1.21")]
    public async Task Who_is_held_does_not_get_out_by_a_gate_that_sends_its_message_on(string client, string space, string gate)
    {
        await CreateAsync(new() { Name = space, Hold = true, Channel = true });
        await using var socket = await StockSocket.DataAsync(_node, client);
        await using var reader = await StockSocket.DataAsync(_node, "cleo");
        await reader.JoinAsync("room:lobby");
        var on = new SendRequest { To = [$"lockspace:{space}"], Text = "before", Type = "on" };
        (await socket.InvokeAsync<SendResponse>("Send", on)).Error.Should().BeNull("nothing holds it yet");

        await socket.JoinAsync($"lockspace:{space}");
        var held = await socket.InvokeAsync<SendResponse>("Send", on with { Text = "help" });

        held.Error!.Name.Should().Be("gate_refused");
        held.Error.Gate.Should().Be(gate, "where it was sent on to is not the sender's business");
        (await socket.SendAsync("inside", $"lockspace:{space}")).Error.Should().BeNull();
        (await _amy.SendAsync("after", "room:lobby")).Error.Should().BeNull();
        (await reader.TextsAsync(2)).Should().Equal("before", "after");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G24")]
    public async Task Five_wrong_keys_in_a_minute_and_the_right_one_has_to_wait_on_every_socket_of_that_client_at_that_lockspace()
    {
        await CreateAsync(new() { Name = "exam", Hold = true, Key = "1234" });
        await CreateAsync(new() { Name = "other", Hold = true, Key = "1234" });
        await using var second = await StockSocket.DataAsync(_node, "amy");
        await using var ben = await StockSocket.DataAsync(_node, "ben");
        var held = new[] { _amy, second, ben }.ToDictionary(s => s, s => s.Hear<HeldChangedEvent>("HeldChanged"));
        foreach (var (socket, changes) in held)
        {
            await socket.JoinAsync("lockspace:exam");
            await changes.ReadAsync().Soon();
        }

        (await LeaveAsync(_amy, null)).Error!.Code.Should().Be(210, "without a key nothing is guessed");
        var guesses = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => LeaveAsync(i % 2 == 0 ? _amy : second, $"guess {i}")));

        guesses.Count(g => g.Error!.Code == 210).Should().Be(5, "also of those that come at once");
        guesses.Where(g => g.Error!.Code != 210).Should().AllBeEquivalentTo(new { Error = new { Code = 300, Name = "rate_limited", Limit = "wrong_keys", Used = 5L, RetryAfterMs = 60_000L } });
        _time.Advance(TimeSpan.FromSeconds(20));
        (await LeaveAsync(second, "1234")).Error!.RetryAfterMs.Should().Be(40_000, "or a guess would be told from the answer");
        (await LeaveAsync(ben, "1234")).Error.Should().BeNull("another client's guesses are not its");
        (await held[ben].ReadAsync().Soon()).Change.Should().Be("left");
        await _amy.JoinAsync("lockspace:other");
        (await LeaveAsync(_amy, "1234", "other")).Error.Should().BeNull("it is another lockspace");
        await held[_amy].ReadAsync().Soon();
        await held[_amy].ReadAsync().Soon();

        _time.Advance(TimeSpan.FromSeconds(40));
        (await LeaveAsync(_amy, "1234")).Error.Should().BeNull();
        (await _amy.SendAsync("free", "room:lobby")).Error.Should().BeNull();
    }

    private async Task CreateAsync(CreateLockspaceRequest request) => (await _owner.InvokeAsync<Done>("CreateLockspace", request)).Error.Should().BeNull();

    private static Task<Done> LeaveAsync(StockSocket socket, string? key, string space = "exam") =>
        socket.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = $"lockspace:{space}", Key = key });
}
