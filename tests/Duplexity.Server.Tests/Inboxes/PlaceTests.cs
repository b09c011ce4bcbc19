using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>Places in an inbox: each has its defined answer, in memory and on disk over a restart, and a reader whose place is gone goes on where it misses nothing.</summary>
public sealed class PlaceTests
{
    private static readonly TimeSpan Retention = TimeSpan.FromMinutes(30);

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Guarantee", "G18")]
    public async Task What_is_told_late_of_the_inbox_of_a_removed_client_does_not_bring_its_readers_back()
    {
        await using var node = await TestNode.StartAsync();
        await using (var ben = await StockSocket.DataAsync(node, "ben"))
        await using (var amy = await StockSocket.DataAsync(node, "amy"))
        {
            await amy.JoinAsync("client:amy");
            await ben.SendAsync("hi", "client:amy");
            await amy.NextAsync();
            await amy.SettleAsync(ben);
        }

        var (index, engine) = (node.Services.GetRequiredService<InboxIndex>(), node.Services.GetRequiredService<IEngine>());
        var inbox = await index.OpenAsync(Address.Client("amy"));
        await index.StopAsync(default);
        (await engine.Records.ReadAsync(ReaderRecord.Kind, "amy")).Should().NotBeNull();

        await node.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");
        index.Changed(inbox);
        await index.StopAsync(default);

        (await engine.Records.ReadAsync(ReaderRecord.Kind, "amy")).Should().BeNull();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Guarantee", "G2")]
    [Trait("Guarantee", "G22")]
    public async Task Each_place_has_its_defined_answer_also_after_a_restart_and_when_all_is_gone(bool onDisk)
    {
        const int Top = 15;
        var folder = Directory.CreateTempSubdirectory("duplexity-places-");
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        void Configure(TestNodeSetup setup)
        {
            setup.Settings["Duplexity:Data"] = onDisk ? folder.FullName : "";
            setup.Time = time;
            setup.Options = o => (o.Limits.InboxMessages, o.Limits.MessagesPerChannel, o.Times.Retention) = (10, 11, Retention);
        }

        var node = await TestNode.StartAsync(Configure);
        try
        {
            var places = new List<Position> { Position.Start };
            await using (var ben = await StockSocket.DataAsync(node, "ben"))
            await using (var amy = await StockSocket.DataAsync(node, "amy"))
            {
                await amy.JoinAsync("client:amy");
                for (var i = 1; i <= Top; i++)
                {
                    (await ben.SendAsync($"{i}", "client:amy")).Error.Should().BeNull();
                    places.Add((await amy.NextAsync()).Position);
                    await amy.SettleAsync(ben);
                }
            }

            if (onDisk)
            {
                await node.DisposeAsync();
                node = await TestNode.StartAsync(Configure);
            }

            await using (var amy = await StockSocket.DataAsync(node, "amy"))
            {
                var kept = (await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "client:amy" })).Messages!;
                var first = (int)kept[0].Position.Offset;
                first.Should().Be(5);
                var cases = new[]
                {
                    (places[first - 2], false), (places[first - 1], true), (places[first], true), (places[Top], true),
                    (places[Top] with { Offset = Top + 1 }, false), (places[first] with { Epoch = "other" }, false), (Position.Start, false),
                };
                foreach (var (place, isServed) in cases)
                {
                    var joined = await amy.JoinAsync("client:amy", since: place);
                    (joined.Recovered, joined.Position).Should().Be((isServed, isServed ? place : places[Top]), "of {0}", place);
                }

                (await InboxTests.AcknowledgeAsync(amy, new() { Reader = "own", Through = places[Top] with { Offset = Top + 1 } })).Error!.Code.Should().Be(110);
                (await InboxTests.AcknowledgeAsync(amy, new() { Reader = "own", Through = places[Top] with { Epoch = "other" } })).Error!.Code.Should().Be(110, "it is no place that was ever handed out");
                (await InboxTests.AcknowledgeAsync(amy, new() { Reader = "own", Through = places[first - 2] })).Error.Should().BeNull("it lies behind what is acknowledged");
                (await InboxTests.AcknowledgeAsync(amy, new() { Through = places[Top], Position = places[Top] })).Error!.Code.Should().Be(102);
            }

            time.Advance(Retention + TimeSpan.FromMinutes(1));
            await using var later = await StockSocket.DataAsync(node, "amy");
            (await later.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "client:amy" })).Messages.Should().BeEmpty();
            foreach (var (place, isServed) in new[] { (places[Top - 1], false), (places[Top], true), (places[Top] with { Offset = Top + 1 }, false), (Position.Start, false) })
            {
                var joined = await later.JoinAsync("client:amy", since: place);
                (joined.Recovered, joined.Position, joined.Waiting).Should().Be((isServed, places[Top], 0), "of {0}, when all is gone", place);
            }

            await using var sender = await StockSocket.DataAsync(node, "ben");
            (await sender.SendAsync("16", "client:amy")).Destinations![0].Position!.Offset.Should().Be(Top + 1, "an emptied log does not begin anew");
        }
        finally
        {
            await node.DisposeAsync();
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("known", 2, true)]
    [InlineData("beyond the top", 5, false)]
    [InlineData("of another epoch", 0, false)]
    [Trait("Guarantee", "G2")]
    [Trait("Guarantee", "G22")]
    public async Task A_reader_whose_place_the_log_does_not_know_goes_on_where_it_misses_nothing_and_is_told(string which, int start, bool isKnown)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        var epoch = await SendAndForgetAsync(node, time, acknowledged: 0);
        var place = which switch { "known" => new Position(2, epoch), "beyond the top" => new Position(9, epoch), _ => new Position(3, "other") };
        await node.Services.GetRequiredService<IEngine>().Records.PutAsync(
            ReaderRecord.Kind, "amy", ReaderRecord.Write(new Dictionary<string, ReaderRecord> { [""] = new ReaderRecord(place.ToString(), time.GetUtcNow().ToUnixTimeMilliseconds()) }));

        await using var amy = await StockSocket.DataAsync(node, "amy");
        var joined = await InboxTests.JoinAsync(amy, new() { Ack = "handled" });

        (joined.Position!.Offset, joined.Waiting, joined.Recovered).Should().Be((start, 5 - start, isKnown ? null : false));
        (await amy.TextsAsync(5 - start)).Should().Equal(Enumerable.Range(start + 1, 5 - start).Select(i => $"{i}"));
        (await InboxTests.JoinAsync(amy, new() { Ack = "handled" })).Recovered.Should().BeNull("it was told once");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    [Trait("Guarantee", "G24")]
    public async Task An_inbox_that_nobody_uses_is_forgotten_and_read_again_with_its_places_and_what_is_settled_beyond_them()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => (s.Time, s.Options) = (time, o => o.Limits.InboxAttempts = int.MaxValue));

        await SendAndForgetAsync(node, time, acknowledged: 2, alsoByHand: 4);

        node.Services.GetRequiredService<InboxIndex>().Count.Should().Be(0);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        (await InboxTests.JoinAsync(amy, new() { Ack = "manual" })).Waiting.Should().Be(3);
        (await amy.TextsAsync(2)).Should().Equal("3", "5");
    }

    /// <summary>Five messages of which some are acknowledged, and nobody there for so long that the inbox is not in memory any more; the epoch of its places.</summary>
    private static async Task<string> SendAndForgetAsync(TestNode node, FakeTimeProvider time, int acknowledged, int? alsoByHand = null)
    {
        Position[] places;
        await using (var ben = await StockSocket.DataAsync(node, "ben"))
        await using (var amy = await StockSocket.DataAsync(node, "amy"))
        {
            places = new Position[5];
            for (var i = 0; i < places.Length; i++)
            {
                places[i] = (await ben.SendAsync($"{i + 1}", "client:amy")).Destinations![0].Position!;
            }

            if (acknowledged > 0)
            {
                await InboxTests.AcknowledgeAsync(amy, new() { Through = places[acknowledged - 1] });
            }

            if (alsoByHand is { } number)
            {
                await InboxTests.JoinAsync(amy, new() { Ack = "manual" });
                await amy.TextsAsync(5 - acknowledged);
                (await InboxTests.AcknowledgeAsync(amy, new() { Position = places[number - 1] })).Error.Should().BeNull();
            }

            await amy.LeaveAsync(node);
            await ben.LeaveAsync(node);
        }

        var inboxes = node.Services.GetRequiredService<InboxIndex>();
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1)); // places are written on other threads
                return Task.FromResult(inboxes.Count);
            },
            count => count == 0);

        return places[0].Epoch!;
    }
}
