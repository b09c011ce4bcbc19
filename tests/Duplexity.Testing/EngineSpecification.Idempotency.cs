using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_repeated_sequence_is_stored_once_and_answered_with_the_first_receipt()
    {
        await using var engine = await CreateAsync();
        var first = await engine.Nodes[0].Log.AppendAsync(new AppendRequest(Message("once", Lobby, Address.Client("BEN")), Sequenced(1)));
        await FillAsync(engine.Nodes[0].Log, Lobby, 2);

        var again = await engine.Nodes[^1].Log.AppendAsync(new AppendRequest(Message("once", Lobby, Address.Client("BEN")), Sequenced(1)));

        again.Outcome.Should().Be(AppendOutcome.Repeated);
        again.MessageId.Should().Be(first.MessageId);
        again.Positions.Should().Equal(first.Positions);
        again.Destinations.Should().Equal(first.Destinations);
        (await engine.Nodes[^1].Log.FindAsync(Sequenced(1)))!.Positions.Should().Equal(first.Positions);
        (await engine.Nodes[^1].Log.FindAsync(Sequenced(2))).Should().BeNull();
        (await TextsAsync(engine.Nodes[0].Log, Lobby)).Should().Equal("once", "m1", "m2");
        (await TextsAsync(engine.Nodes[0].Log, Address.Client("BEN"))).Should().Equal("once");
        (await Handlers[0].TakeAsync(4)).Select(e => e.Message.Text).Should().BeEquivalentTo("once", "once", "m1", "m2");
        Handlers[0].TakeArrived().Should().BeEmpty("a repetition is no delivery");
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_key_that_comes_twice_at_once_stores_once()
    {
        await using var engine = await CreateAsync();
        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(i =>
            Task.Run(async () => await engine.Nodes[i % engine.Nodes.Count].Log.AppendAsync(new AppendRequest(Message("once", Lobby), Keyed("k"))))));

        results.Count(r => r.Outcome == AppendOutcome.Stored).Should().Be(1);
        results.Count(r => r.Outcome == AppendOutcome.Repeated).Should().Be(31);
        results.Select(r => (r.MessageId, r.Positions[0])).Distinct().Should().ContainSingle();
        (await TextsAsync(engine.Nodes[0].Log, Lobby)).Should().Equal("once");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Guarantee", "G4")]
    public async Task The_same_key_with_another_content_stores_nothing(bool sequenced)
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        await log.AppendAsync(new AppendRequest(Message("this", Lobby), sequenced ? Sequenced(1) : Keyed("k")));

        var other = await log.AppendAsync(new AppendRequest(Message("that", Lobby), sequenced ? Sequenced(1, fingerprint: "g") : Keyed("k", fingerprint: "g")));

        other.Outcome.Should().Be(AppendOutcome.Mismatch);
        other.Positions.Should().BeEmpty();
        (await TextsAsync(log, Lobby)).Should().Equal("this");
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task Keys_of_two_clients_two_sessions_and_two_kinds_never_meet()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        IdempotencyKey[] keys =
        [
            Keyed("k"), Keyed("k", client: "BEN"), Sequenced(1, session: "k"), Sequenced(1, client: "BEN", session: "k"), Sequenced(1, session: "l"),
        ];

        foreach (var key in keys)
        {
            (await log.AppendAsync(new AppendRequest(Message("x", Lobby), key))).Outcome.Should().Be(AppendOutcome.Stored);
        }

        (await log.TopAsync(Lobby)).Offset.Should().Be(5);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_sequence_may_skip_but_one_below_the_highest_without_a_receipt_is_unknown()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        (await SendAsync(1)).Should().Be(AppendOutcome.Stored);
        (await SendAsync(5)).Should().Be(AppendOutcome.Stored, "refused sends may have consumed the numbers between");
        (await SendAsync(3)).Should().Be(AppendOutcome.Unknown);
        (await SendAsync(5)).Should().Be(AppendOutcome.Repeated);
        (await SendAsync(1)).Should().Be(AppendOutcome.Repeated);
        (await log.TopAsync(Lobby)).Offset.Should().Be(2);

        async Task<AppendOutcome> SendAsync(long sequence) => (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Sequenced(sequence)))).Outcome;
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public async Task A_sequence_is_not_stored_before_the_one_that_it_has_to_follow_and_is_free_until_then()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        (await SendAsync(2, after: 1)).Should().Be(AppendOutcome.TooEarly, "nothing of the session is there");
        (await SendAsync(1)).Should().Be(AppendOutcome.Stored);
        (await SendAsync(4, after: 3)).Should().Be(AppendOutcome.TooEarly);
        (await SendAsync(2, after: 1)).Should().Be(AppendOutcome.Stored);
        (await SendAsync(3, after: 2)).Should().Be(AppendOutcome.Stored);
        (await SendAsync(4, after: 3)).Should().Be(AppendOutcome.Stored);
        (await SendAsync(2, after: 1)).Should().Be(AppendOutcome.Repeated);
        (await SendAsync(9)).Should().Be(AppendOutcome.Stored, "nobody waits for what lies between");
        (await log.ReadAsync(Lobby, null, 10)).Entries.Select(e => e.Message.Text).Should().Equal("m1", "m2", "m3", "m4", "m9");

        async Task<AppendOutcome> SendAsync(long sequence, long after = 0) =>
            (await log.AppendAsync(new AppendRequest(Message($"m{sequence}", Lobby), Sequenced(sequence) with { After = after }))).Outcome;
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_sequence_older_than_the_receipts_kept_is_unknown_and_stores_nothing()
    {
        await using var engine = await CreateAsync(o => o.Limits.ReceiptsPerSession = 4);
        var log = engine.Nodes[0].Log;
        for (var i = 1; i <= 6; i++)
        {
            await log.AppendAsync(new AppendRequest(Message($"m{i}", Lobby), Sequenced(i)));
        }

        var old = await log.AppendAsync(new AppendRequest(Message("m2", Lobby), Sequenced(2)));
        var kept = await log.AppendAsync(new AppendRequest(Message("m3", Lobby), Sequenced(3)));

        old.Should().BeEquivalentTo(new { Outcome = AppendOutcome.Unknown, Positions = Array.Empty<Position>() });
        kept.Outcome.Should().Be(AppendOutcome.Repeated);
        (await log.TopAsync(Lobby)).Offset.Should().Be(6);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_key_is_kept_for_its_window_from_its_first_use()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        (await SendAsync()).Should().Be(AppendOutcome.Stored);
        Time.Advance(TimeSpan.FromHours(23));
        (await SendAsync()).Should().Be(AppendOutcome.Repeated);
        Time.Advance(TimeSpan.FromHours(1));
        (await SendAsync()).Should().Be(AppendOutcome.Stored);

        async Task<AppendOutcome> SendAsync() => (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed("k")))).Outcome;
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_session_is_kept_for_its_window_from_its_last_use()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        (await SendAsync()).Should().Be(AppendOutcome.Stored);
        Time.Advance(TimeSpan.FromHours(23));
        (await SendAsync()).Should().Be(AppendOutcome.Repeated);
        Time.Advance(TimeSpan.FromHours(23));
        (await SendAsync()).Should().Be(AppendOutcome.Repeated);
        Time.Advance(TimeSpan.FromHours(24));
        (await SendAsync()).Should().Be(AppendOutcome.Stored);

        async Task<AppendOutcome> SendAsync() => (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Sequenced(1)))).Outcome;
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G24")]
    public async Task A_burst_of_keys_is_never_refused_and_the_oldest_give_way()
    {
        await using var engine = await CreateAsync(o => o.Limits.IdempotencyKeysPerClient = 100);
        var log = engine.Nodes[0].Log;
        await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed("k0", client: "BEN")));
        for (var i = 0; i < 1_000; i++)
        {
            (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed($"k{i}")))).Outcome.Should().Be(AppendOutcome.Stored);
        }

        (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed("k900")))).Outcome.Should().Be(AppendOutcome.Repeated);
        (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed("k899")))).Outcome.Should().Be(AppendOutcome.Stored);
        (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed("k0", client: "BEN")))).Outcome.Should().Be(AppendOutcome.Repeated, "one client's burst costs no other one's keys");
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task A_key_whose_append_was_lost_stores_anew_and_one_whose_append_survived_does_not()
    {
        await using var engine = await CreateAsync();
        await engine.Nodes[0].Log.AppendAsync(new AppendRequest(Message("kept", Lobby), Sequenced(1)));
        await engine.Nodes[0].Log.AppendAsync(new AppendRequest(Message("kept too", Lobby), Keyed("k1")));
        await engine.MarkAsync();
        await engine.Nodes[0].Log.AppendAsync(new AppendRequest(Message("lost", Lobby), Sequenced(2)));
        await engine.Nodes[0].Log.AppendAsync(new AppendRequest(Message("lost too", Lobby), Keyed("k2")));
        await engine.LoseSinceMarkAsync();
        var log = engine.Nodes[0].Log;

        var outcomes = new List<AppendOutcome>();
        foreach (var key in new[] { Sequenced(1), Keyed("k1"), Sequenced(2), Keyed("k2") })
        {
            outcomes.Add((await log.AppendAsync(new AppendRequest(Message("again", Lobby), key))).Outcome);
        }

        outcomes.Should().Equal(AppendOutcome.Repeated, AppendOutcome.Repeated, AppendOutcome.Stored, AppendOutcome.Stored);
        (await TextsAsync(log, Lobby)).Should().Equal("kept", "kept too", "again", "again");
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task An_append_that_is_refused_consumes_no_key()
    {
        await using var engine = await CreateAsync();
        var log = engine.Nodes[0].Log;
        await FluentActions.Awaiting(async () => await log.AppendAsync(new AppendRequest(Message("x", Lobby, default), Keyed("k")))).Should().ThrowAsync<ArgumentException>();

        (await log.AppendAsync(new AppendRequest(Message("x", Lobby), Keyed("k")))).Outcome.Should().Be(AppendOutcome.Stored);
    }
}
