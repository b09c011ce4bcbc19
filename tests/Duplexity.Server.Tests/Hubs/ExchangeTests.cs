using Duplexity.Protocol;
using Duplexity.Server.Tests.Tunnels.Inspection;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Who may see what came in at a pipe: its owner from any session, and administrators.</summary>
[Trait("Guarantee", "G10")]
public sealed class ExchangeTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Any_session_of_the_owner_and_an_administrator_list_read_and_replay_and_to_others_the_pipe_is_not_there()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var (_, visited) = await cat.VisitAsync(HttpMethod.Get, "/seen");
        var id = visited.Exchange.Id;
        await using var laptop = await StockSocket.DiscoveredAsync(cat.Node, "amy");
        await using var root = await StockSocket.DiscoveredAsync(cat.Node, "root", ("role", "admin"));
        await using var ben = await StockSocket.DiscoveredAsync(cat.Node, "ben");

        foreach (var allowed in (StockSocket[])[laptop, root])
        {
            (await allowed.InvokeAsync<ListExchangesResponse>("ListExchanges", new ListExchangesRequest { Pipe = "cat1" })).Exchanges.Should().Contain(e => e.Id == id && e.Target == "/seen");
            (await allowed.InvokeAsync<ReadExchangeResponse>("ReadExchange", new ReadExchangeRequest { Pipe = "CAT1.localhost", Id = id })).Exchange!.Exchange.Id.Should().Be(id);
            (await allowed.InvokeAsync<ReplayExchangeResponse>("ReplayExchange", new ReplayExchangeRequest { Pipe = "cat1", Id = id })).Id.Should().NotBeNull();
            (await cat.NextAsync()).ReplayOf.Should().Be(id);
        }

        foreach (var pipe in (string[])["cat1", "nobodys"])
        {
            Answer[] answers =
            [
                await ben.InvokeAsync<ListExchangesResponse>("ListExchanges", new ListExchangesRequest { Pipe = pipe }),
                await ben.InvokeAsync<ListExchangesResponse>("WatchExchanges", new WatchExchangesRequest { Pipe = pipe }),
                await ben.InvokeAsync<ReadExchangeResponse>("ReadExchange", new ReadExchangeRequest { Pipe = pipe, Id = id }),
                await ben.InvokeAsync<ReplayExchangeResponse>("ReplayExchange", new ReplayExchangeRequest { Pipe = pipe, Id = id }),
            ];
            answers.Should().OnlyContain(a => a.Error!.Code == Errors.UnknownDestination.Code && a.Error.Sentence == answers[0].Error!.Sentence);
        }

        cat.Received.Should().HaveCount(3, "ben replayed nothing");
    }

    [Fact]
    public async Task A_stock_client_watches_what_ends_from_then_on_until_it_stops()
    {
        await using var cat = await InspectedPipe.StartAsync();
        await cat.VisitAsync(HttpMethod.Get, "/before");
        await using var desk = await StockSocket.DiscoveredAsync(cat.Node, "amy");
        var kept = desk.Hear<ExchangesKeptEvent>("ExchangesKept");

        var present = await desk.InvokeAsync<ListExchangesResponse>("WatchExchanges", new WatchExchangesRequest { Pipe = "cat1", Last = 1, Watch = "mine" });
        await cat.VisitAsync(HttpMethod.Get, "/after");
        var told = await kept.ReadAsync().Soon();

        present.Exchanges!.Select(e => e.Target).Should().Equal("/before");
        told.Should().BeEquivalentTo(new { Watch = "mine", LeftOut = 0L });
        told.Exchanges.Select(e => e.Target).Should().Equal("/after");
        (await desk.InvokeAsync<ListExchangesResponse>("WatchExchanges", new WatchExchangesRequest { Stop = true, Watch = "mine" })).Error.Should().BeNull();
        await cat.VisitAsync(HttpMethod.Get, "/unseen");
        await cat.VisitAsync(HttpMethod.Get, "/unseen-either");
        kept.TryRead(out _).Should().BeFalse("another watch was told of both");
    }

    [Fact]
    public async Task A_watch_goes_on_when_the_pipe_is_registered_anew()
    {
        await using var cat = await InspectedPipe.StartAsync();
        await cat.VisitAsync(HttpMethod.Get, "/one");
        await using var newer = await cat.Node.ConnectAsync("amy");
        await using var watching = newer.Pipes.WatchExchangesAsync("cat1", 1).GetAsyncEnumerator();
        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        watching.Current.Target.Should().Be("/one");
        await cat.VisitAsync(HttpMethod.Get, "/two");
        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        watching.Current.Target.Should().Be("/two");

        await using var again = await newer.Pipes.OpenAsync("cat1", cat.Resource, new PipeOptions { Inspect = true }).Soon();
        using var visit = await cat.Node.VisitAsync("cat1", "/three").Soon();
        await visit.Content.ReadAsByteArrayAsync();

        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        watching.Current.Target.Should().Be("/three");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Questions_are_bounded()
    {
        await using var cat = await InspectedPipe.StartAsync();
        await using var desk = await StockSocket.DiscoveredAsync(cat.Node, "amy");

        (await desk.InvokeAsync<ListExchangesResponse>("ListExchanges", new ListExchangesRequest { Pipe = "cat1", Last = 1001 })).Error!.Code.Should().Be(102);
        (await desk.InvokeAsync<ListExchangesResponse>("ListExchanges", new ListExchangesRequest())).Error!.Code.Should().Be(102);
        (await desk.InvokeAsync<ReadExchangeResponse>("ReadExchange", new ReadExchangeRequest { Pipe = "cat1" })).Error!.Code.Should().Be(102);
        (await desk.InvokeAsync<ReadExchangeResponse>("ReadExchange", new ReadExchangeRequest { Pipe = "cat1", Id = "1-nowhere" })).Error!.Code.Should().Be(203);
        for (var i = 0; i < 16; i++)
        {
            (await desk.InvokeAsync<ListExchangesResponse>("WatchExchanges", new WatchExchangesRequest { Pipe = "cat1", Watch = $"{i}" })).Error.Should().BeNull();
        }

        (await desk.InvokeAsync<ListExchangesResponse>("WatchExchanges", new WatchExchangesRequest { Pipe = "cat1", Watch = "one more" })).Error.Should().BeEquivalentTo(new { Code = 309, Limit = "watches_per_client" });
    }
}
