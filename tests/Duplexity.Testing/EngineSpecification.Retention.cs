using Duplexity.Server;
using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task Entries_leave_by_their_bytes_and_every_place_around_has_its_defined_answer()
    {
        await using var engine = await CreateAsync(o => o.Limits.BytesPerChannel = 100);
        var log = engine.Nodes[0].Log;
        var places = new List<Position>();
        foreach (var size in new[] { 40, 40, 60, 30, 10 })
        {
            places.Add((await log.AppendAsync(new AppendRequest(Message(new string('x', size), Lobby)))).Positions[0]);
        }

        (await LengthsAsync(null)).Should().Equal(60, 30, 10);
        (await LengthsAsync(places[1])).Should().Equal(60, 30, 10);
        (await LengthsAsync(places[0])).Should().BeNull();
        (await LengthsAsync(Position.Start)).Should().BeNull();

        places.Add((await log.AppendAsync(new AppendRequest(Message(new string('x', 500), Lobby)))).Positions[0]);
        (await LengthsAsync(null)).Should().Equal([500], "the newest stays whatever its size");
        (await LengthsAsync(places[4])).Should().Equal(500);
        (await LengthsAsync(places[3])).Should().BeNull();

        async Task<int[]?> LengthsAsync(Position? since)
        {
            var page = await log.ReadAsync(Lobby, since, 100);
            return page.Recovered ? [.. page.Entries.Select(e => e.Message.Text!.Length)] : null;
        }
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task Bytes_of_bodies_and_headers_count_too()
    {
        await using var engine = await CreateAsync(o => o.Limits.BytesPerChannel = 20);
        var log = engine.Nodes[0].Log;
        await log.AppendAsync(new AppendRequest(Message("", Lobby) with { Bytes = new byte[10] }));
        await log.AppendAsync(new AppendRequest(Message("", Lobby) with { Headers = new Dictionary<string, string> { ["name"] = "valueü" } }));

        (await log.ReadAsync(Lobby, null, 10)).Entries.Should().ContainSingle().Which.Message.Headers.Should().NotBeNull();
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_channel_of_last_values_keeps_one_and_serves_the_place_just_before_it()
    {
        await using var engine = await CreateAsync(new Kept(new DefaultRetention(new DuplexityOptions()), Lobby, r => r with { LastValueOnly = true }));
        var log = engine.Nodes[0].Log;
        var places = await FillAsync(log, Lobby, 5);
        await FillAsync(log, Address.Room("other"), 5);

        (await TextsAsync(log, Lobby)).Should().Equal("m5");
        (await TextsAsync(log, Lobby, places[3])).Should().Equal("m5");
        (await log.ReadAsync(Lobby, places[4], 10)).Recovered.Should().BeTrue();
        (await log.ReadAsync(Lobby, places[2], 10)).Recovered.Should().BeFalse();
        (await log.ReadAsync(Lobby, Position.Start, 10)).Recovered.Should().BeFalse();
        (await TextsAsync(log, Address.Room("other"))).Should().HaveCount(5);
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task Each_channel_keeps_for_as_long_and_as_much_as_it_is_told()
    {
        await using var engine = await CreateAsync(new Kept(new DefaultRetention(new DuplexityOptions()), Lobby, r => r with { Age = TimeSpan.FromHours(1), Count = 3 }));
        var log = engine.Nodes[0].Log;
        var places = await FillAsync(log, Lobby, 5);
        await FillAsync(log, Address.Room("other"), 5);

        (await TextsAsync(log, Lobby)).Should().Equal("m3", "m4", "m5");
        Time.Advance(TimeSpan.FromMinutes(61));

        (await TextsAsync(log, Lobby)).Should().BeEmpty();
        (await log.ReadAsync(Lobby, places[4], 10)).Recovered.Should().BeTrue();
        (await log.ReadAsync(Lobby, places[3], 10)).Recovered.Should().BeFalse();
        (await TextsAsync(log, Address.Room("other"))).Should().HaveCount(5);
        (await FillAsync(log, Lobby, 1))[0].Offset.Should().Be(6);
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task An_ephemeral_channel_is_a_log_like_any_other_while_the_process_lives_and_its_receipt_claims_no_more()
    {
        await using var engine = await CreateAsync(new Kept(new DefaultRetention(new DuplexityOptions()), Lobby, r => r with { Ephemeral = true }));
        var log = engine.Nodes[0].Log;
        var places = await FillAsync(log, Lobby, 3);
        var mixed = await log.AppendAsync(new AppendRequest(Message("m4", Address.Room("other"), Lobby, Address.Socket("s9"))));

        mixed.Level.Should().Be(ReceiptLevel.Accepted);
        mixed.Positions.Select(p => p.Offset).Should().Equal(1, 4, 1);
        (await log.AppendAsync(new AppendRequest(Message("kept", Address.Room("other"))))).Level.Should().Be(engine.Level);
        (await TextsAsync(log, Lobby, places[1])).Should().Equal("m3", "m4");
        (await log.ReadAsync(Address.Socket("s9"), Position.Start, 1)).Entries.Single().Earlier.Should().Equal(mixed.Positions.Take(2));
        (await Handlers[0].TakeAsync(7)).Where(e => e.Channel == Lobby).Select(e => e.Position.Offset).Should().Equal(1, 2, 3, 4);
    }

    /// <summary>One channel has a retention of its own.</summary>
    private sealed class Kept(IRetention others, Address channel, Func<Retention, Retention> change) : IRetention
    {
        public Retention Of(Address address) => address == channel ? change(others.Of(address)) : others.Of(address);
    }
}
