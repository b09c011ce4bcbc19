using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_message_is_stored_once_in_each_of_its_destinations()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        Address[] to = [Lobby, Address.Client("BEN"), Address.Feed("AMY")];
        await FillAsync(log, to[1], 2);
        var message = Message("hello", to);

        var result = await log.AppendAsync(new AppendRequest(message));

        result.Outcome.Should().Be(AppendOutcome.Stored);
        result.MessageId.Should().Be(message.Id);
        result.Level.Should().Be(engine.Level);
        result.Positions.Select(p => p.Offset).Should().Equal(1, 3, 1);
        foreach (var (channel, position) in to.Zip(result.Positions))
        {
            var last = (await log.ReadAsync(channel, null, 10)).Entries[^1];
            last.Channel.Should().Be(channel);
            last.Position.Should().Be(position);
            last.Message.Id.Should().Be(message.Id);
            last.Message.Destinations.Should().Equal(to);
            last.Earlier.Should().Equal(result.Positions.TakeWhile((_, i) => to[i] != channel));
        }
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_message_comes_back_as_it_was_sent()
    {
        await using var engine = await CreateAsync();
        var sent = Message("ignored", Lobby) with
        {
            Text = null,
            Bytes = [0, 255, 27],
            ContentType = "application/json",
            Type = "Order",
            Re = "m0",
            Headers = new Dictionary<string, string> { ["trace"] = "ü\0" },
            FromSocket = null,
            SentAt = new DateTimeOffset(2026, 2, 3, 4, 5, 6, 7, TimeSpan.Zero),
        };
        await engine.Nodes[0].Log.AppendAsync(new AppendRequest(sent));

        var stored = (await engine.Nodes[^1].Log.ReadAsync(Lobby, null, 1)).Entries.Single().Message;

        stored.Should().BeEquivalentTo(sent, o => o.ComparingByMembers<StoredMessage>());
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_message_with_an_impossible_destination_is_stored_nowhere()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        Address[][] impossible = [[Lobby, Address.Client("BEN"), default], [Lobby, Address.Client("BEN"), Lobby], []];

        foreach (var to in impossible)
        {
            await FluentActions.Awaiting(async () => await log.AppendAsync(new AppendRequest(Message("x", to)))).Should().ThrowAsync<ArgumentException>();
        }

        (await log.TopAsync(Lobby)).Should().Be(Position.Start);
        (await log.TopAsync(Address.Client("BEN"))).Should().Be(Position.Start);
        Handlers[0].TakeArrived().Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_cancelled_append_is_stored_in_all_destinations_or_in_none()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        Address[] to = [Address.Room("a"), Address.Room("b"), Address.Room("c")];
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await FluentActions.Awaiting(async () => await log.AppendAsync(new AppendRequest(Message("never", to)), cancelled.Token)).Should().ThrowAsync<OperationCanceledException>();

        for (var i = 0; i < 200; i++)
        {
            using var cancel = new CancellationTokenSource();
            var cancelling = Task.Run(cancel.Cancel);
            try
            {
                await log.AppendAsync(new AppendRequest(Message($"{i}", to)), cancel.Token);
            }
            catch (OperationCanceledException)
            {
                // Either answer is right; that the logs agree is what counts.
            }

            await cancelling;
        }

        var first = await TextsAsync(log, to[0]);
        first.Should().NotContain("never");
        (await TextsAsync(log, to[1])).Should().Equal(first);
        (await TextsAsync(log, to[2])).Should().Equal(first);
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task Appends_take_effect_in_the_order_of_their_calls()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        var pending = new List<Task<AppendResult>>();
        for (var round = 0; round < 10; round++)
        {
            for (var i = 0; i < 64; i++)
            {
                pending.Add(log.AppendAsync(new AppendRequest(Message($"{(round * 64) + i}", Lobby))).AsTask());
            }
        }

        var results = await Task.WhenAll(pending);

        results.Select(r => r.Positions[0].Offset).Should().Equal(Enumerable.Range(1, 640).Select(i => (long)i));
        (await TextsAsync(log, Lobby)).Should().Equal(Enumerable.Range(0, 640).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task Senders_that_run_in_parallel_share_one_order_without_holes_that_keeps_each_ones_own()
    {
        await using var engine = await CreateAsync();
        var senders = Enumerable.Range(0, 8).Select(sender => Task.Run(async () =>
        {
            var log = engine.Nodes[sender % engine.Nodes.Count].Log;
            var pending = Enumerable.Range(0, 64).Select(i => log.AppendAsync(new AppendRequest(Message($"{sender}:{i}", Lobby, Address.Client("BEN")))).AsTask()).ToArray();
            await Task.WhenAll(pending);
        }));
        await Task.WhenAll(senders);

        foreach (var channel in new[] { Lobby, Address.Client("BEN") })
        {
            var entries = (await engine.Nodes[^1].Log.ReadAsync(channel, null, 1000)).Entries;
            entries.Select(e => e.Position.Offset).Should().Equal(Enumerable.Range(1, 512).Select(i => (long)i));
            entries.Skip(1).Select(e => e.Before).Should().Equal(entries.SkipLast(1).Select(e => e.Position), "each entry says which one it follows");
            entries[0].Before.Should().Be(Position.Start);
            foreach (var own in entries.Select(e => e.Message.Text!.Split(':')).GroupBy(t => t[0], t => int.Parse(t[1], null)))
            {
                own.Should().BeInAscendingOrder();
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    public async Task Every_entry_comes_to_the_handler_of_every_node_once_and_says_which_place_it_follows()
    {
        await using var engine = await CreateAsync();
        for (var i = 0; i < 100; i++)
        {
            await engine.Nodes[i % engine.Nodes.Count].Log.AppendAsync(new AppendRequest(Message($"{i}", Lobby, Address.Feed("AMY"))));
        }

        for (var node = 0; node < engine.Nodes.Count; node++)
        {
            var arrived = await Handlers[node].TakeAsync(200);
            foreach (var channel in arrived.GroupBy(e => e.Channel))
            {
                var logged = (await engine.Nodes[node].Log.ReadAsync(channel.Key, null, 1000)).Entries;
                channel.OrderBy(e => e.Position.Offset).Select(e => (e.Position, e.Before, e.Message.Id))
                    .Should().Equal(logged.Select(e => (e.Position, e.Before, e.Message.Id)));
            }

            Handlers[node].TakeArrived().Should().BeEmpty();
        }
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task A_handler_that_fails_or_appends_itself_does_not_disturb_the_appender()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        var again = new TaskCompletionSource();
        Handlers[0].OnEntry = entry =>
        {
            if (entry.Message.Text == "first")
            {
                log.AppendAsync(new AppendRequest(Message("from the handler", entry.Channel))).AsTask().ContinueWith(_ => again.TrySetResult(), TaskScheduler.Default);
                throw new InvalidOperationException("A handler must not do this.");
            }
        };

        var result = await log.AppendAsync(new AppendRequest(Message("first", Lobby)));
        await again.Task.WaitAsync(TimeSpan.FromSeconds(30));

        result.Outcome.Should().Be(AppendOutcome.Stored);
        (await TextsAsync(log, Lobby)).Should().Equal("first", "from the handler");
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_removed_channel_is_empty_and_its_places_are_never_given_again()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        var socket = Address.Socket("s1");
        var old = await FillAsync(log, socket, 3);

        await log.RemoveAsync(socket);

        (await log.TopAsync(socket)).Should().Be(Position.Start);
        (await log.ReadAsync(socket, old[2], 10)).Recovered.Should().BeFalse();
        (await FillAsync(log, socket, 3)).Should().NotIntersectWith(old);
        await log.RemoveAsync(Address.Socket("nobody"));
    }

    [Theory]
    [Trait("Guarantee", "G24")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_page_ends_with_the_message_that_makes_it_a_mebibyte_and_says_that_there_is_more(bool reverse)
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        for (var i = 0; i < 30; i++)
        {
            await log.AppendAsync(new AppendRequest(Message("x", Lobby) with { Headers = new Dictionary<string, string> { ["h"] = new('x', 49_998) } }));
        }

        var first = await log.ReadAsync(Lobby, null, 1_000, reverse);
        var second = await log.ReadAsync(Lobby, first.Entries[^1].Position, 1_000, reverse);

        (first.Entries.Count, first.End, second.Entries.Count, second.End).Should().Be((21, false, 9, true));
        first.Entries.Concat(second.Entries).Select(e => e.Position.Offset).Should().Equal(reverse ? Enumerable.Range(1, 30).Reverse().Select(n => (long)n) : Enumerable.Range(1, 30).Select(n => (long)n));
    }
}
