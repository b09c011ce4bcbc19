using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Server.Tests.Graph;
using Duplexity.Server.Tests.Pipes.Cooked;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using MessagePipe = Duplexity.Protocol.MessagePipe;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Message pipes of two nodes on one Redis: what is set on one holds on both, one of them carries, and whoever carries, each message comes once.</summary>
public sealed class RedisPipesTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    // What wakes a pipe is what the engine tells, and not that somebody looks now and then.
    private static readonly Action<TestNodeSetup, string> NoSweep = Sweeps(TimeSpan.FromHours(1));

    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Guarantee", "G8")]
    public async Task A_pipe_that_is_set_changed_and_removed_on_one_node_is_so_on_both_for_the_next_message_of_either()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: NoSweep);
        await using var onA = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var onB = await StockSocket.DiscoveredAsync(pair.B, "amy");
        await using var sendsOnA = await StockSocket.DataAsync(pair.A, "cleo");
        await using var sendsOnB = await StockSocket.DataAsync(pair.B, "cleo");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        await using var dan = await StockSocket.DataAsync(pair.A, "dan");
        await ben.JoinAsync("room:b");
        await dan.JoinAsync("room:c");

        await SetAsync(onA, Pipe("p", "room:a", "room:b"));
        await sendsOnA.SendAsync("1", "room:a");
        await sendsOnB.SendAsync("2", "room:a");
        (await ben.TextsAsync(2)).Should().Equal("1", "2");

        await SetAsync(onB, Pipe("p", "room:a", "room:c"));
        await sendsOnA.SendAsync("3", "room:a");
        await sendsOnB.SendAsync("4", "room:a");
        (await dan.TextsAsync(2)).Should().Equal("3", "4");
        foreach (var node in new[] { onA, onB })
        {
            var shown = (await ListAsync(node)).Should().ContainSingle().Subject;
            (shown.Id, shown.From, shown.To!.Single(), shown.State).Should().Be(("p", "room:a", "room:c", "running"));
        }

        (await onA.InvokeAsync<Done>("RemoveMessagePipes", new RemoveMessagePipesRequest { Ids = ["p"] })).Error.Should().BeNull();
        (await ListAsync(onB)).Should().BeEmpty();
        RunnersOf("amy", pair.A, pair.B).Should().Be(0);
        (await onB.InvokeAsync<Done>("RemoveMessagePipes", new RemoveMessagePipesRequest { Ids = ["p"] })).Error!.Code.Should().Be(203);
        ben.HasNothing.Should().BeTrue();
        var records = pair.A.Services.GetRequiredService<IEngine>().Records;
        await MemoryNode.AgreeAsync(async () => (await records.ListAsync("message-pipe-place")).Count == 0 ? null : "The place of a pipe that is no more is kept.");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Of_pipes_that_two_nodes_set_at_once_none_is_lost_an_id_is_one_pipe_and_the_limit_holds()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var onA = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var onB = await StockSocket.DiscoveredAsync(pair.B, "amy");

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => SetAsync(i % 2 == 0 ? onA : onB, Pipe($"p{i}", "room:a", "room:b"), Pipe("same", "room:a", $"room:c{i}"))));

        var listed = await ListAsync(onA);
        listed.Select(p => p.Id).Should().BeEquivalentTo([.. Enumerable.Range(0, 20).Select(i => $"p{i}"), "same"]);
        (await ListAsync(onB)).Should().BeEquivalentTo(listed, o => o.Including(p => p.Id).Including(p => p.To));
        MessagePipe[] Many(string node) => [.. Enumerable.Range(0, 60).Select(i => Pipe($"{node}{i}", "room:a", "room:b"))];
        var answers = await Task.WhenAll(SetsAsync(onA, Many("a")), SetsAsync(onB, Many("b")));
        answers.Select(a => a.Error?.Name).Should().BeEquivalentTo([null, "too_many_pipes"]);
        (await ListAsync(onB)).Should().HaveCount(81);
    }

    [Fact]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G20")]
    public async Task Each_owners_pipes_are_one_nodes_and_come_to_another_that_goes_on_where_they_stand_when_it_comes_or_goes()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: NoSweep);
        await using var cleo = await StockSocket.DataAsync(pair.A, "cleo");
        var sent = 0;
        string[] owners = [.. Enumerable.Range(0, 24).Select(i => $"owner{i}")];
        foreach (var owner in owners)
        {
            await using var socket = await StockSocket.DiscoveredAsync(pair.A, owner);
            await SetAsync(socket, Pipe("p", "room:a", $"room:{owner}"));
        }

        await SendAsync(20);
        var third = await pair.NodeAsync("c");

        // As soon as the others know of it: of two dozen owners, each as likely its as another's, some are its.
        await MemoryNode.AgreeAsync(() => new(RunnersOf(third, owners) > 0 ? null : "The third node runs no pipe."));
        await DividedAsync(owners, pair.A, pair.B, third);
        await SendAsync(20);
        await third.DisposeAsync();
        await DividedAsync(owners, pair.A, pair.B);
        await SendAsync(20);

        var log = pair.B.Services.GetRequiredService<IEngine>().Log;
        foreach (var owner in owners)
        {
            await MemoryNode.AgreeAsync(async () => (await log.TopAsync(Address.Room(owner))).Offset >= 60 ? null : $"What {owner} has set does not carry all.");
            (await log.ReadAsync(Address.Room(owner), null, 100)).Entries.Select(e => e.Message.Text).Should().Equal(Enumerable.Range(0, 60).Select(i => $"{i}"));
        }

        async Task SendAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                (await cleo.SendAsync($"{sent++}", "room:a")).Error.Should().BeNull();
            }
        }
    }

    [Fact]
    [Trait("Requirement", "1.31")]
    [Trait("Guarantee", "G20")]
    public async Task Two_nodes_that_carry_the_same_pipes_at_once_bring_each_message_once_and_in_order()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: NoSweep);
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var cleo = await StockSocket.DataAsync(pair.B, "cleo");
        await SetAsync(amy, Pipe("p", "room:a", "room:b", "room:c"), Pipe("q", "room:b", "room:d"));
        var (onA, onB) = (await BesideAsync(pair.A), await BesideAsync(pair.B));

        for (var i = 0; i < 300; i++)
        {
            await cleo.SendAsync($"{i}", "room:a");
        }

        var log = pair.A.Services.GetRequiredService<IEngine>().Log;
        foreach (var carriers in new[] { onA, onB })
        {
            foreach (var pipe in carriers.Pipes)
            {
                await MemoryNode.AgreeAsync(async () => await log.TopAsync(pipe.Source) is { Offset: 300 } top && carriers.Runners.Find(pipe)?.Place == top ? null : "One of the two does not come to the end.");
            }

            await carriers.Runners.StopAsync(default);
        }

        foreach (var room in new[] { "b", "c", "d" })
        {
            (await log.ReadAsync(Address.Room(room), null, 1_000)).Entries.Select(e => e.Message.Text).Should().Equal(Enumerable.Range(0, 300).Select(i => $"{i}"), room);
        }
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task The_pipes_of_a_client_that_is_removed_on_one_node_end_on_both()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: NoSweep);
        await using var amy = await StockSocket.DiscoveredAsync(pair.A, "amy");
        await using var ben = await StockSocket.DiscoveredAsync(pair.B, "ben");
        await SetAsync(amy, Pipe("p", "room:a", "room:b"));
        await SetAsync(ben, Pipe("p", "room:a", "room:b"));
        await DividedAsync(["amy", "ben"], pair.A, pair.B);

        await pair.A.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");
        await pair.B.Services.GetRequiredService<IDuplexity>().RemoveAsync("ben");

        RunnersOf("amy", pair.A, pair.B).Should().Be(0);
        RunnersOf("ben", pair.A, pair.B).Should().Be(0);
        foreach (var node in new[] { pair.A, pair.B })
        {
            node.Services.GetRequiredService<PipeBook>().Owners.Should().BeEmpty();
        }
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task An_owner_who_comes_with_a_newer_token_to_the_node_that_does_not_run_its_pipes_gives_them_its_rights()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: Sweeps(TimeSpan.FromSeconds(1)));
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await using var first = await StockSocket.DiscoveredAsync(pair.A, "amy", ("iat", now - 40), ("duplexity", new { send = new[] { "room:b" } }));
        await SetAsync(first, Pipe("p", "room:a", "room:b"));
        await DividedAsync(["amy"], pair.A, pair.B);
        var carries = RunnersOf(pair.A, "amy") == 1 ? pair.A : pair.B;
        var other = carries == pair.A ? pair.B : pair.A;

        await using var newer = await StockSocket.DataAsAsync(other, "amy", ("iat", now), ("duplexity", new { send = new[] { "room:none" } }));

        var book = carries.Services.GetRequiredService<PipeBook>();
        await MemoryNode.AgreeAsync(() => new(book.Of("amy").Single().Grant.Allowances.Send is ["room:none"] ? null : "The node that runs the pipe does not know of the newer token."));
    }

    private static Action<TestNodeSetup, string> Sweeps(TimeSpan every) => (setup, _) => setup.Options += o => o.MessagePipes.Sweep = every;

    private static MessagePipe Pipe(string id, string from, params string[] to) => CookedRig.Pipe(id, from, to);

    private static Task<MessagePipesResponse> SetsAsync(StockSocket socket, params MessagePipe[] pipes) => socket.InvokeAsync<MessagePipesResponse>("SetMessagePipes", new SetMessagePipesRequest { Pipes = pipes });

    private static async Task SetAsync(StockSocket socket, params MessagePipe[] pipes) => (await SetsAsync(socket, pipes)).Error.Should().BeNull();

    private static async Task<MessagePipe[]> ListAsync(StockSocket socket) => (await socket.InvokeAsync<MessagePipesResponse>("ListMessagePipes", new ListMessagePipesRequest())).Pipes!;

    /// <summary>Waits until all nodes know of each other.</summary>
    private static Task DividedAsync(string[] owners, params TestNode[] nodes) => MemoryNode.AgreeAsync(() => new(owners.All(o => RunnersOf(o, nodes) == 1) ? null : "A pipe is run by none, or by two."));

    private static int RunnersOf(string owner, params TestNode[] nodes) => nodes.Sum(n => RunnersOf(n, owner));

    private static int RunnersOf(TestNode node, params string[] owners) =>
        owners.SelectMany(o => node.Services.GetRequiredService<PipeBook>().Of(o)).Count(p => node.Services.GetRequiredService<PipeRunners>().Find(p) is not null);

    /// <summary>Runs all pipes on a node, whoever's they are.</summary>
    private static async Task<(PipeRunners Runners, PipeRecord[] Pipes)> BesideAsync(TestNode node)
    {
        var services = node.Services;
        T Get<T>()
            where T : notnull => services.GetRequiredService<T>();
        var engine = new StoppingEngine(Get<IEngine>());
        var book = new PipeBook(engine, Get<PipeStore>(), Get<DuplexityOptions>());
        var runners = new PipeRunners(
            engine, Get<ChannelIndex>(), book, Get<PipeCarrying>(), Get<IPipeOwners>(), Get<PipeStore>(), Get<TimeProvider>(), Get<DuplexityOptions>(), NullLogger<PipeRunners>.Instance);
        await runners.StartAsync(default);
        return (runners, [.. book.Of("amy")]);
    }
}
