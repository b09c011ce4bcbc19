using System.Threading.Channels;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Client;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Public pipes are watched and closed like sockets: one's own from any session, everybody's by an administrator.</summary>
public sealed class PipeWatchTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_client_watches_its_pipes_come_serve_change_hands_and_go_and_sees_nobody_elses()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = NewResource();
        await using var control = await StockSocket.DiscoveredAsync(node, "todd");
        await using var bens = await StockSocket.DiscoveredAsync(node, "ben");
        await using var laptop = await node.ConnectAsync("todd");
        var changes = Changes(control, "mine");

        var present = await control.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest { Watch = "mine" });
        await RegisterAsync(bens, "bens");
        await laptop.Pipes.OpenAsync("cat1", $"http://{resource.Authority}").Soon();
        var registered = await changes.ReadAsync().Soon();
        (await (await node.VisitAsync("cat1").Soon()).Content.ReadAsStringAsync()).Should().Be("hi");
        var used = await NextAsync(changes, c => c.Pipe.Use is { Exchanges: 1, Carriers: 0 });
        await using var newer = await StockSocket.DiscoveredAsync(node, "todd");
        await RegisterAsync(newer, "cat1");
        var taken = await NextAsync(changes, c => c.Kind != "used");
        await newer.InvokeAsync<Done>("RemovePipes", new RemovePipesRequest { Names = ["cat1.localhost"] });
        var removed = await NextAsync(changes, c => c.Kind != "used");

        present.Pipes.Should().BeEmpty();
        registered.Should().BeEquivalentTo(new { Kind = "registered", Pipe = new { Name = "cat1.localhost", Client = "todd", State = "serving" } });
        used.Kind.Should().Be("used");
        taken.Should().BeEquivalentTo(new { Kind = "taken_over", Pipe = new { Name = "cat1.localhost", Resource = "http://localhost:1" } });
        removed.Should().BeEquivalentTo(new { Kind = "removed", Pipe = new { Name = "cat1.localhost", State = "gone" } });
        removed.Pipe.Use.Exchanges.Should().Be(1, "the client kept the name");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_pipe_is_away_while_its_session_is_out_of_reach()
    {
        await using var node = await TestNode.StartAsync();
        await using var watcher = await StockSocket.DiscoveredAsync(node, "todd");
        var laptop = await StockSocket.DiscoveredAsync(node, "todd");
        await RegisterAsync(laptop, "cat1");
        var changes = Changes(watcher, null);
        var present = await watcher.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest());

        await laptop.DisposeAsync();
        var away = await changes.ReadAsync().Soon();

        present.Pipes!.Single().State.Should().Be("serving");
        away.Should().BeEquivalentTo(new { Kind = "changed", Pipe = new { Name = "cat1.localhost", State = "away" } });
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task A_session_that_was_taken_over_while_it_was_out_of_reach_stays_away_when_it_comes_back()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = NewResource();
        await using var line = new FaultyLine(node.Port);
        await using var laptop = new DuplexityConnection(line.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("todd")) });
        await laptop.ConnectAsync().Soon();
        await laptop.Pipes.OpenAsync("cat1", $"http://{resource.Authority}").Soon();
        await using var newer = await StockSocket.DiscoveredAsync(node, "todd");

        line.Cut(stayDown: true);
        await RegisterAsync(newer, "cat1");
        line.Mend();
        var end = await laptop.Closed.Soon();
        var pipes = await newer.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest());

        end.Code.Should().Be(Errors.TakenOver.Code);
        end.Sentence.Should().Contain("cat1.localhost");
        pipes.Pipes!.Single().Resource.Should().Be("http://localhost:1", "there was one change of hands");
    }

    [Fact]
    [Trait("Requirement", "2.33")]
    [Trait("Guarantee", "G21")]
    public async Task An_owner_closes_a_pipe_from_another_session_which_is_told_why_and_does_not_get_the_name_for_a_while()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var laptop = await StockSocket.DiscoveredAsync(node, "todd");
        await using var phone = await StockSocket.DiscoveredAsync(node, "todd");
        var closed = laptop.Hear<PipeClosedEvent>("PipeClosed");
        var registered = await RegisterAsync(laptop, "cat1");
        await RegisterAsync(laptop, "cat2");

        var answer = await phone.InvokeAsync<Done>("ClosePipe", new ClosePipeRequest { Name = "cat1", Reason = "not at night" });
        var listed = await phone.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest());
        var told = await closed.ReadAsync().Soon();
        var again = await laptop.InvokeAsync<PipesResponse>("RegisterPipes", Registration("cat1"));
        var elsewhere = await phone.InvokeAsync<PipesResponse>("RegisterPipes", Registration("cat1"));
        await phone.InvokeAsync<Done>("RemovePipes", new RemovePipesRequest { Names = ["cat1.localhost"] });
        time.Advance(TimeSpan.FromMinutes(5));
        var later = await laptop.InvokeAsync<PipesResponse>("RegisterPipes", Registration("cat1"));

        answer.Error.Should().BeNull();
        listed.Pipes!.Select(p => p.Name).Should().Equal("cat2.localhost");
        told.Should().BeEquivalentTo(new { Name = "cat1.localhost", Generation = registered.Generation, Error = new { Code = 521, Sentence = "not at night" } });
        again.Error!.Name.Should().Be("denied");
        again.Error.RetryAfterMs.Should().BeInRange(1, 300_001);
        again.Pipes!.Single().Error!.Sentence.Should().Contain("not at night");
        elsewhere.Error.Should().BeNull("another program of the owner's is another matter");
        later.Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.33")]
    [Trait("Requirement", "2.39")]
    public async Task An_administrator_sees_and_closes_all_and_others_are_told_nothing_of_what_is_there()
    {
        await using var node = await TestNode.StartAsync();
        await using var todd = await StockSocket.DiscoveredAsync(node, "todd");
        await using var ben = await StockSocket.DiscoveredAsync(node, "ben");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        await RegisterAsync(todd, "cat1");
        var closed = todd.Hear<PipeClosedEvent>("PipeClosed");
        var changes = Changes(admin, "all");

        var refused = await ben.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest { Client = "todd" });
        var foreign = await ben.InvokeAsync<Done>("ClosePipe", new ClosePipeRequest { Name = "cat1.localhost" });
        var absent = await ben.InvokeAsync<Done>("ClosePipe", new ClosePipeRequest { Name = "cat9.localhost" });
        var nameless = await ben.InvokeAsync<Done>("ClosePipe", new ClosePipeRequest());
        var all = await admin.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest { Client = "*", Watch = "all" });
        var done = await admin.InvokeAsync<Done>("ClosePipe", new ClosePipeRequest { Name = "CAT1.localhost" });

        refused.Error!.Name.Should().Be("denied");
        foreign.Error.Should().BeEquivalentTo(absent.Error).And.BeEquivalentTo(new { Name = "unknown_destination" });
        nameless.Error!.Name.Should().Be("invalid_request");
        all.Pipes!.Select(p => p.Client).Should().Equal("todd");
        done.Error.Should().BeNull();
        (await closed.ReadAsync().Soon()).Error.Code.Should().Be(521);
        (await changes.ReadAsync().Soon()).Should().BeEquivalentTo(new { Kind = "removed", Pipe = new { Name = "cat1.localhost", Client = "todd" } });
        node.Logs.Lines.Should().Contain(l => l.Text.Contains("is closed by root"));
    }

    [Fact]
    [Trait("Requirement", "3.12")]
    [Trait("Guarantee", "G10")]
    [Trait("Guarantee", "G24")]
    public async Task Watches_of_two_clients_on_one_connection_are_two_and_each_client_has_a_bounded_number()
    {
        await using var node = await TestNode.StartAsync();
        await using var both = await StockSocket.DiscoveredAsync(node, "ben");
        await both.AuthenticateAsync(node.Token("amy"));
        await both.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { As = "amy" });
        var sockets = both.Hear<SocketsChangedEvent>("SocketsChanged");

        await both.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest { As = "ben", Watch = "w" });
        await both.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest { As = "amy", Watch = "w" });
        await both.InvokeAsync<ListSocketsResponse>("WatchSockets", new WatchSocketsRequest { As = "amy", Watch = "w", Stop = true });
        for (var i = 0; i < 16; i++)
        {
            (await both.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest { As = "amy", Watch = $"{i}" })).Error.Should().BeNull();
        }

        var tooMany = await both.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest { As = "amy", Watch = "one more" });
        var bens = await both.InvokeAsync<ListPipesResponse>("WatchPipes", new WatchPipesRequest { As = "ben", Watch = "his first" });
        await using var amysSocket = await StockSocket.DataAsync(node, "amy");
        await using var bensSocket = await StockSocket.DataAsync(node, "ben");
        var seen = await sockets.ReadAsync().Soon();

        tooMany.Error.Should().BeEquivalentTo(new { Code = 309, Name = "too_many_watches", Limit = "watches_per_client", Used = 16L });
        bens.Error.Should().BeNull();
        seen.Should().BeEquivalentTo(new { Watch = "w", Changes = new[] { new { Kind = "connected", Socket = new { SocketId = bensSocket.Id } } } });
    }

    [Fact]
    [Trait("Requirement", "3.12")]
    [Trait("Guarantee", "G10")]
    public async Task A_takeover_of_one_clients_name_leaves_the_other_clients_session_on_the_same_connection()
    {
        await using var node = await TestNode.StartAsync();
        await using var both = await StockSocket.DiscoveredAsync(node, "ben");
        await both.AuthenticateAsync(node.Token("amy"));
        await both.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { As = "amy" });
        await RegisterAsync(both, "bens");
        await RegisterAsync(both, "amys", "amy");
        var fell = both.Hear<IdentitiesChangedEvent>("IdentitiesChanged");
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");

        await RegisterAsync(amy, "amys");
        var dropped = await fell.ReadAsync().Soon();
        var pipes = await both.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest());

        dropped.Should().BeEquivalentTo(new { Client = "amy", Change = "dropped", Clients = (string[])["ben"] });
        dropped.Reason.Should().Contain("newer session");
        pipes.Pipes!.Select(p => (p.Name, p.State)).Should().Equal(("bens.localhost", "serving"));
    }

    private static RawResource NewResource() => new(async connection =>
    {
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    });

    private static RegisterPipesRequest Registration(string name, string? client = null) => new() { As = client, Pipes = [new() { Name = name, Resource = "http://localhost:1" }] };

    private static async Task<PipesResponse> RegisterAsync(StockSocket control, string name, string? client = null)
    {
        var answer = await control.InvokeAsync<PipesResponse>("RegisterPipes", Registration(name, client));
        answer.Error.Should().BeNull();
        return answer;
    }

    private static async Task<PipeChange> NextAsync(ChannelReader<PipeChange> changes, Func<PipeChange, bool> wanted)
    {
        while (true)
        {
            var change = await changes.ReadAsync().Soon();
            if (wanted(change))
            {
                return change;
            }
        }
    }

    private static ChannelReader<PipeChange> Changes(StockSocket control, string? watch)
    {
        var heard = Channel.CreateUnbounded<PipeChange>();
        control.Hub.On<PipesChangedEvent>("PipesChanged", e =>
        {
            if (e.Watch == watch)
            {
                foreach (var change in e.Changes)
                {
                    heard.Writer.TryWrite(change);
                }
            }
        });
        return heard.Reader;
    }
}
