using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Lockspaces that were made: with an open channel, and those that hold.</summary>
public sealed class LockspaceTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StockSocket _owner = null!;
    private StockSocket _amy = null!;

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _owner = await StockSocket.DiscoveredAsync(_node, "owner");
        _amy = await StockSocket.DataAsync(_node, "amy");
    }

    public async Task DisposeAsync()
    {
        await _owner.DisposeAsync();
        await _amy.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task An_open_channel_takes_messages_and_tells_of_members_and_locks()
    {
        await CreateAsync(new() { Name = "board", Channel = true });
        await using var reader = await StockSocket.DataAsync(_node, "cleo");
        await reader.JoinAsync("lockspace:board");
        await _amy.SendAsync("from outside", "lockspace:board");
        await _amy.JoinAsync("lockspace:board");
        var held = await _amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card", LeaseMs = 1_000 });

        (await reader.NextAsync()).Should().BeEquivalentTo(new { Type = "duplexity.member", From = new { Client = "service:lockspace" } });
        (await reader.NextAsync()).Text.Should().Be("from outside");
        Body<LockspaceMemberEvent>(await reader.NextAsync()).Should().BeEquivalentTo(new { Lockspace = "board", Change = "entered", Member = new Origin { Client = "amy", Socket = _amy.Id } });
        Body<LockChangedEvent>(await reader.NextAsync()).Should().BeEquivalentTo(new { State = "granted", Name = "card", held.Token, Ticket = (string?)null });
        var expired = await reader.NextAsync();
        expired.Type.Should().Be("duplexity.lock");
        Body<LockChangedEvent>(expired).Should().BeEquivalentTo(new { State = "expired", held.Token });
        await _amy.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "lockspace:board" });
        Body<LockspaceMemberEvent>(await reader.NextAsync()).Change.Should().Be("left");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G24")]
    public async Task Whoever_comes_and_goes_all_the_time_makes_a_lockspace_tell_no_more_than_its_rate_and_hears_only_what_it_may_receive()
    {
        await CreateAsync(new() { Name = "board", Channel = true });
        await CreateAsync(new() { Name = "quiet" });
        await using var deaf = await ConnectAsync("cleo", new { join = new[] { "*" }, receive = new[] { "room:*" } });
        await using var eve = await ConnectAsync("eve", new { join = new[] { "*" }, receive = new[] { "*" }, limits = new { messages = 3, windowMs = 3_600_000 } });
        await deaf.JoinAsync("lockspace:board");
        for (var i = 0; i < 3; i++)
        {
            (await eve.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "lockspace:board" })).Error.Should().BeNull();
            (await eve.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "lockspace:board" })).Error.Should().BeNull("whoever is there comes in no second time");
            (await eve.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "lockspace:board" })).Error.Should().BeNull("to go costs nothing");
        }

        (await eve.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "lockspace:board" })).Error.Should().BeEquivalentTo(new { Code = 300, Limit = "messages_per_window" });
        (await eve.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "lockspace:quiet" })).Error.Should().BeNull("nothing is told there");
        var told = (await _node.Services.GetRequiredService<Duplexity.Server.Engine.IEngine>().Log.ReadAsync(Address.Lockspace("board"), null, 100)).Entries;
        told.Count(e => e.Message.Text!.Contains("eve")).Should().Be(6);
        await deaf.SettleAsync(_amy);
        deaf.HasNothing.Should().BeTrue("its token lets it receive nothing of lockspaces");

        Task<StockSocket> ConnectAsync(string client, object allowances) => StockSocket.DataAsAsync(_node, client, ("duplexity", allowances));
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Without_a_channel_the_address_is_not_there_and_somebody_elses_lockspace_is_not_changed()
    {
        await CreateAsync(new() { Name = "quiet" });
        await using var other = await StockSocket.DiscoveredAsync(_node, "amy");

        (await _amy.SendAsync("hello", "lockspace:quiet")).Error!.Code.Should().Be(203);
        (await other.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "quiet", Channel = true })).Error!.Code.Should().Be(205);
        (await other.InvokeAsync<Done>("RemoveLockspace", new RemoveLockspaceRequest { Name = "quiet" })).Error!.Sentence
            .Should().Be((await other.InvokeAsync<Done>("RemoveLockspace", new RemoveLockspaceRequest { Name = "never" })).Error!.Sentence.Replace("never", "quiet", StringComparison.Ordinal));
        (await other.InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "quiet", Client = "amy" })).Error!.Code.Should().Be(203);
        (await _owner.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "quiet", Key = "k" })).Error!.Code.Should().Be(102);
        await CreateAsync(new() { Name = "quiet", Channel = true });
        (await _amy.SendAsync("hello", "lockspace:quiet")).Error.Should().BeNull("its owner has opened it");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G10")]
    public async Task Who_is_held_talks_to_the_lockspace_alone_and_its_neighbour_on_the_socket_to_anybody()
    {
        await CreateAsync(new() { Name = "exam", Hold = true, Task = "answer it", Key = "open sesame" });
        await _amy.AuthenticateAsync(_node.Token("ben"));
        await using var second = await StockSocket.DataAsync(_node, "amy");
        var changes = _amy.Hear<HeldChangedEvent>("HeldChanged");

        await _amy.JoinAsync("lockspace:exam");

        (await changes.ReadAsync().Soon()).Should().BeEquivalentTo(new { Client = "amy", Change = "entered", Stack = new[] { "exam" }, Task = "answer it" });
        var refused = await _amy.SendAsAsync("amy", "help", "room:lobby");
        refused.Error.Should().BeEquivalentTo(new { Code = 210, Gate = "hold" });
        refused.Error!.Sentence.Should().Contain("lockspace:exam").And.Contain("key");
        (await _amy.InvokeAsync<SendResponse>("Emit", new EmitRequest { As = "amy", Text = "help" })).Error!.Code.Should().Be(210);
        (await _amy.SendAsAsync("amy", "my answer", "lockspace:exam")).Error.Should().BeNull();
        (await _amy.SendAsAsync("ben", "free", "room:lobby")).Error.Should().BeNull();
        (await second.SendAsync("free", "room:lobby")).Error.Should().BeNull("it is another socket");
        (await LeaveAsync("exam", null)).Error!.Code.Should().Be(210);
        (await LeaveAsync("exam", "guess")).Error!.Code.Should().Be(210);

        (await LeaveAsync("exam", "open sesame")).Error.Should().BeNull();
        (await changes.ReadAsync().Soon()).Should().BeEquivalentTo(new { Change = "left", Stack = Array.Empty<string>() });
        (await _amy.SendAsAsync("amy", "free", "room:lobby")).Error.Should().BeNull();
        (await _amy.SendAsAsync("amy", "outside", "lockspace:exam")).Error!.Code.Should().Be(203);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task Lockspaces_nest_and_release_release_to_and_move_to_follow_the_stack()
    {
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            await CreateAsync(new() { Name = name, Hold = true });
        }

        var changes = _amy.Hear<HeldChangedEvent>("HeldChanged");
        await EnterAsync("a", "b", "c");
        (await _amy.SendAsync("x", "lockspace:b")).Error!.Code.Should().Be(210, "c holds");
        (await _amy.SendAsync("x", "lockspace:c")).Error.Should().BeNull();
        for (var i = 0; i < 3; i++)
        {
            await changes.ReadAsync().Soon();
        }

        (await StackAfterAsync("MoveTo", new MoveToRequest { Lockspace = "c", To = "d", Client = "amy" })).Should().Equal("a", "b", "d");
        (await StackAfterAsync("ReleaseTo", new ReleaseToRequest { Lockspace = "a", Client = "amy" })).Should().Equal("a");
        (await _amy.SendAsync("x", "lockspace:a")).Error.Should().BeNull();
        (await StackAfterAsync("Release", new ReleaseRequest { Lockspace = "a", Client = "amy", SocketId = _amy.Id })).Should().BeEmpty();
        (await _amy.SendAsync("x", "room:lobby")).Error.Should().BeNull();
        (await _owner.InvokeAsync<HeldResponse>("Release", new ReleaseRequest { Lockspace = "a", Client = "amy" })).Sockets.Should().Be(0);

        async Task<string[]> StackAfterAsync(string method, Request request)
        {
            (await _owner.InvokeAsync<HeldResponse>(method, request)).Sockets.Should().Be(1);
            return (await changes.ReadAsync().Soon()).Stack;
        }
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task The_admitted_come_and_go_and_closing_unwinds()
    {
        await CreateAsync(new() { Name = "exam", Hold = true });
        await EnterAsync("exam");
        var closing = await StockSocket.DataAsync(_node, "amy");
        await closing.JoinAsync("lockspace:exam");
        var holdings = _node.Services.GetRequiredService<Duplexity.Server.Channels.Holdings>();
        holdings.PairsIn("exam", "amy", null).Should().HaveCount(2);

        (await _owner.InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "exam", Client = "amy" })).Sockets.Should().Be(2);
        await closing.DisposeAsync();
        await using var again = await StockSocket.DataAsync(_node, "amy");
        await again.JoinAsync("lockspace:exam");
        (await again.SendAsync("free", "room:lobby")).Error.Should().BeNull();

        await _amy.AuthenticateAsync(_node.Token("ben"));
        await _amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "ben", Channel = "lockspace:exam" });
        holdings.PairsIn("exam", "ben", null).Should().ContainSingle();
        await _amy.InvokeAsync<Done>("Drop", new DropRequest { Client = "ben" });
        holdings.IsEmpty.Should().BeTrue("nothing is left of whom it held");
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_made_lockspace_outlives_the_node_and_its_owner_breaks_its_locks()
    {
        var records = new Duplexity.Server.Engine.MemoryRecords(TimeProvider.System);
        await using (var first = await TestNode.StartAsync(s => s.Services = x => x.AddSingleton<Duplexity.Server.Engine.IRecords>(records)))
        {
            await using var owner = await StockSocket.DiscoveredAsync(first, "owner");
            (await owner.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "board", Channel = true })).Error.Should().BeNull();
        }

        await using var second = await TestNode.StartAsync(s => s.Services = x => x.AddSingleton<Duplexity.Server.Engine.IRecords>(records));
        await using var amy = await StockSocket.DataAsync(second, "amy");
        await using var back = await StockSocket.DiscoveredAsync(second, "owner");
        (await amy.SendAsync("hello", "lockspace:board")).Error.Should().BeNull();
        await amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card" });
        (await back.InvokeAsync<Done>("BreakLock", new BreakLockRequest { Lockspace = "board", Name = "card" })).Error.Should().BeNull();
        (await back.InvokeAsync<Done>("RemoveLockspace", new RemoveLockspaceRequest { Name = "board" })).Error.Should().BeNull();
        (await amy.SendAsync("hello", "lockspace:board")).Error!.Code.Should().Be(203);
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G19")]
    public async Task What_a_removed_client_made_and_held_goes_with_it()
    {
        await CreateAsync(new() { Name = "board", Channel = true });
        var lost = await StockSocket.DataAsync(_node, "owner");
        await lost.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card" });
        await lost.DisposeAsync();

        await _node.Services.GetRequiredService<Duplexity.Server.IDuplexity>().RemoveAsync("owner");

        (await _amy.SendAsync("hello", "lockspace:board")).Error!.Code.Should().Be(203);
        (await _amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = "card" })).State.Should().Be("granted");
    }

    private static T Body<T>(DeliveredMessage message) => JsonSerializer.Deserialize<T>(message.Text!, JsonSerializerOptions.Web)!;

    private async Task CreateAsync(CreateLockspaceRequest request) => (await _owner.InvokeAsync<Done>("CreateLockspace", request)).Error.Should().BeNull();

    private async Task EnterAsync(params string[] names)
    {
        foreach (var name in names)
        {
            await _amy.JoinAsync($"lockspace:{name}");
        }
    }

    private Task<Done> LeaveAsync(string name, string? key) => _amy.InvokeAsync<Done>("Leave", new LeaveRequest { As = "amy", Channel = $"lockspace:{name}", Key = key });
}
