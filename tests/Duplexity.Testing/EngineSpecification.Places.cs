using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task Every_place_around_a_trimmed_log_has_its_defined_answer()
    {
        await using var engine = await CreateAsync(o => o.Limits.MessagesPerChannel = 5);
        var log = engine.Nodes[0].Log;
        var places = await FillAsync(log, Lobby, 12);
        var top = places[11];
        (await TextsAsync(log, Lobby)).Should().Equal("m8", "m9", "m10", "m11", "m12");

        (await ServedAsync(places[5])).Should().BeNull("what followed place 6 is partly gone");
        (await ServedAsync(places[6])).Should().Equal(["m8", "m9", "m10", "m11", "m12"], "nothing is missing behind the place that the first kept entry follows");
        (await ServedAsync(places[7])).Should().Equal("m9", "m10", "m11", "m12");
        (await ServedAsync(top)).Should().BeEmpty();
        (await ServedAsync(top with { Offset = 13 })).Should().BeNull("it was never given");
        (await ServedAsync(top with { Offset = long.MaxValue })).Should().BeNull();
        (await ServedAsync(top with { Offset = -1 })).Should().BeNull();
        (await ServedAsync(top with { Epoch = "other" })).Should().BeNull();
        (await ServedAsync(places[9] with { Epoch = "other" })).Should().BeNull();
        (await ServedAsync(places[6] with { Epoch = "other" })).Should().BeNull();
        (await ServedAsync(Position.Start)).Should().BeNull("the first messages are gone");
        (await ServedAsync(Position.Start with { Epoch = top.Epoch })).Should().BeNull();

        async Task<string[]?> ServedAsync(Position since)
        {
            var page = await log.ReadAsync(Lobby, since, 100);
            page.Top.Should().Be(top);
            page.End.Should().BeTrue();
            page.Entries.Should().HaveCountLessThanOrEqualTo(page.Recovered ? 5 : 0);
            return page.Recovered ? [.. page.Entries.Select(e => e.Message.Text!)] : null;
        }
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_log_that_age_has_emptied_remembers_its_top()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        var places = await FillAsync(log, Lobby, 3);
        Time.Advance(TimeSpan.FromDays(7) + TimeSpan.FromSeconds(1));

        var all = await log.ReadAsync(Lobby, null, 10);
        all.Should().BeEquivalentTo(new { Recovered = true, Top = places[2], End = true });
        all.Entries.Should().BeEmpty();
        (await log.ReadAsync(Lobby, places[2], 10)).Recovered.Should().BeTrue();
        (await log.ReadAsync(Lobby, places[1], 10)).Recovered.Should().BeFalse();
        (await log.ReadAsync(Lobby, Position.Start, 10)).Recovered.Should().BeFalse();
        (await log.TopAsync(Lobby)).Should().Be(places[2]);

        var next = await log.AppendAsync(new AppendRequest(Message("m4", Lobby)));

        next.Positions[0].Offset.Should().Be(4);
        (await TextsAsync(log, Lobby, places[2])).Should().Equal("m4");
        (await log.ReadAsync(Lobby, null, 1)).Entries.Single().Before.Should().Be(places[2]);
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task Entries_leave_by_age_one_by_one()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        await FillAsync(log, Lobby, 1, "old");
        Time.Advance(TimeSpan.FromDays(4));
        await FillAsync(log, Lobby, 1, "new");
        Time.Advance(TimeSpan.FromDays(4));

        (await TextsAsync(log, Lobby)).Should().Equal("new1");
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_channel_that_never_had_a_message_serves_its_start_and_nothing_else()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;

        (await log.TopAsync(Lobby)).Should().Be(Position.Start);
        (await log.ReadAsync(Lobby, null, 10)).Should().BeEquivalentTo(new { Recovered = true, Top = Position.Start, End = true });
        (await log.ReadAsync(Lobby, Position.Start, 10)).Recovered.Should().BeTrue();
        (await log.ReadAsync(Lobby, new Position(1, "e"), 10)).Recovered.Should().BeFalse();

        await FillAsync(log, Lobby, 2);
        (await TextsAsync(log, Lobby, Position.Start)).Should().Equal("m1", "m2");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Guarantee", "G2")]
    public async Task Pages_in_either_direction_join_without_a_hole_or_a_repeat(bool reverse)
    {
        await using var engine = await CreateAsync(o => o.Limits.MessagesPerChannel = 25);
        var log = engine.Nodes[0].Log;
        await FillAsync(log, Lobby, 40);
        var expected = Enumerable.Range(16, 25).Select(i => $"m{i}");
        var seen = new List<string>();
        LogPage? page = null;
        while (page is not { End: true })
        {
            page = await log.ReadAsync(Lobby, page?.Entries[^1].Position, 7, reverse);
            page.Recovered.Should().BeTrue();
            page.Entries.Should().HaveCountLessThanOrEqualTo(7).And.NotBeEmpty();
            seen.AddRange(page.Entries.Select(e => e.Message.Text!));
        }

        seen.Should().Equal(reverse ? expected.Reverse() : expected);
        (await log.ReadAsync(Lobby, page.Entries[^1].Position, 7, reverse)).Should().BeEquivalentTo(new { Recovered = true, End = true });
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_place_whose_entry_was_lost_never_names_another_message()
    {
        await using var engine = await CreateAsync();
        var before = await FillAsync(engine.Nodes[0].Log, Lobby, 2);
        await engine.MarkAsync();
        var lost = await FillAsync(engine.Nodes[0].Log, Lobby, 3, "lost");

        await engine.LoseSinceMarkAsync();
        var log = engine.Nodes[0].Log;

        (await log.TopAsync(Lobby)).Should().Be(before[1]);
        (await log.ReadAsync(Lobby, lost[2], 10)).Recovered.Should().BeFalse();
        var others = await FillAsync(log, Lobby, 3, "other");
        others.Select(p => p.Offset).Should().Equal(lost.Select(p => p.Offset), "offsets go on, epochs tell them apart");
        foreach (var place in lost)
        {
            var refused = await log.ReadAsync(Lobby, place, 10);
            refused.Recovered.Should().BeFalse();
            refused.Entries.Should().BeEmpty();
        }

        var places = new LostPlaces(log);
        (await places.LastKnownAsync(Lobby, lost[2])).Should().Be(lost[2].Epoch == before[1].Epoch ? before[1] : null, "behind it is what was stored instead, where something of its own life of the store is left");
        (await places.LastKnownAsync(Lobby, lost[0] with { Epoch = "made up" })).Should().BeNull();
        (await TextsAsync(log, Lobby, before[1])).Should().Equal("other1", "other2", "other3");
        (await log.ReadAsync(Lobby, before[1], 10)).Recovered.Should().BeTrue();
        (await log.ReadAsync(Lobby, before[1], 1)).Entries[0].Before.Should().Be(before[1]);
        (await log.ReadAsync(Lobby, others[2], 10)).Recovered.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_switch_over_that_lost_nothing_cuts_nobody_off()
    {
        await using var engine = await CreateAsync();
        var places = await FillAsync(engine.Nodes[0].Log, Lobby, 5);
        await engine.MarkAsync();

        await engine.LoseSinceMarkAsync();
        var log = engine.Nodes[0].Log;
        await FillAsync(log, Lobby, 1, "after");

        foreach (var place in places)
        {
            (await log.ReadAsync(Lobby, place, 10)).Recovered.Should().BeTrue();
        }

        (await TextsAsync(log, Lobby, places[3])).Should().Equal("m5", "after1");
    }
}
