using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>What leaves the log on disk, and when.</summary>
public sealed partial class SqliteLogTests
{
    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_is_too_old_leaves_the_file_and_the_file_gets_smaller()
    {
        await using var engine = Engine();
        var large = new string('x', 10_000);
        for (var i = 0; i < 700; i++)
        {
            await engine.Log.AppendAsync(new AppendRequest(Message(large, Lobby, Address.Client("BEN")), new IdempotencyKey("AMY", $"s{i}", 1, null, "f")));
            await engine.Log.AppendAsync(new AppendRequest(Message("key", Address.Client("CAT")), new IdempotencyKey("AMY", null, 0, $"k{i}", "f")));
        }

        var full = engine.Scalar("PRAGMA page_count");
        _time.Advance(TimeSpan.FromDays(8));
        await FillAsync(engine.Log, Address.Client("BEN"), 1);

        await engine.Log.SweepAsync();

        foreach (var (table, rows) in new[] { ("entries", 1), ("messages", 1), ("sessions", 0), ("receipts", 0), ("keys", 0), ("channels", 3) })
        {
            engine.Scalar($"SELECT count(*) FROM {table}").Should().Be(rows, table);
        }

        engine.Scalar("PRAGMA page_count").Should().BeLessThan(full / 2);
        (await engine.Log.TopAsync(Lobby)).Offset.Should().Be(700);
        (await engine.Log.AppendAsync(new AppendRequest(Message("x", Lobby), new IdempotencyKey("AMY", "s1", 1, null, "f")))).Outcome.Should().Be(AppendOutcome.Stored);
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    [Trait("Guarantee", "G24")]
    public async Task A_channel_idle_for_twice_the_retention_is_forgotten_and_its_name_starts_again_under_another_epoch()
    {
        await using var engine = Engine();
        var old = (await FillAsync(engine.Log, Lobby, 1))[0];
        var marked = await engine.Log.AppendAsync(new AppendRequest(Message("x", Address.Room("marked"))) { Fence = new Fence("space/l", 5) });
        _time.Advance(TimeSpan.FromDays(13));
        await engine.Log.SweepAsync();
        (await engine.Log.TopAsync(Lobby)).Should().Be(old);
        _time.Advance(TimeSpan.FromDays(2));
        await engine.Log.SweepAsync();
        (await engine.Log.TopAsync(Lobby)).Should().Be(Position.Start);
        (await engine.Log.TopAsync(Address.Room("marked"))).Should().Be(marked.Positions[0], "what it has accepted outlives it for 30 days");

        var again = (await FillAsync(engine.Log, Lobby, 1))[0];
        again.Offset.Should().Be(1);
        again.Epoch.Should().NotBe(old.Epoch);
        (await engine.Log.ReadAsync(Lobby, old, 10)).Recovered.Should().BeFalse();

        _time.Advance(TimeSpan.FromDays(17));
        await engine.Log.SweepAsync();
        (await engine.Log.TopAsync(Address.Room("marked"))).Should().Be(Position.Start);
        engine.Scalar("SELECT count(*) FROM tokens").Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_client_that_draws_a_session_for_every_send_pays_with_its_own_oldest_sessions()
    {
        (_options.Limits.ReceiptsPerSession, _options.Limits.SocketsPerClient) = (2, 5);
        await using var engine = Engine();
        await SendAsync("AMY", "steady");
        await SendAsync("BEN", "only");
        for (var i = 0; i < 9; i++)
        {
            await SendAsync("AMY", $"s{i}");
        }

        (await SendAsync("AMY", "steady")).Should().Be(AppendOutcome.Repeated, "ten receipts are kept, and this use makes it the youngest");
        engine.Restart();
        await SendAsync("AMY", "s9");

        (await SendAsync("AMY", "steady")).Should().Be(AppendOutcome.Repeated);
        (await SendAsync("AMY", "s0")).Should().Be(AppendOutcome.Stored, "the oldest gave way");
        (await SendAsync("BEN", "only")).Should().Be(AppendOutcome.Repeated);

        async Task<AppendOutcome> SendAsync(string client, string session) =>
            (await engine.Log.AppendAsync(new AppendRequest(Message(client, Lobby), new IdempotencyKey(client, session, 1, null, "f")))).Outcome;
    }
}
