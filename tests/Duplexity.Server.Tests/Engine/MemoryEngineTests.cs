using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>The memory engine keeps every engine's promises, and a few of its own.</summary>
public sealed class MemoryEngineTests : EngineSpecification
{
    private protected override Task<EngineUnderTest> CreateAsync(FakeTimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers) =>
        Task.FromResult<EngineUnderTest>(new MemoryEngineUnderTest(time, options, handlers[0], retention: retention));

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_restart_is_a_new_incarnation_that_serves_no_old_place()
    {
        await using var first = new MemoryEngineUnderTest(Time, new DuplexityOptions(), Handlers[0]);
        await using var second = new MemoryEngineUnderTest(Time, new DuplexityOptions(), Handlers[1]);
        var room = Address.Room("lobby");
        var old = await AppendAsync(first.Nodes[0].Log, room);
        var fresh = await AppendAsync(second.Nodes[0].Log, room);

        fresh.Offset.Should().Be(old.Offset);
        fresh.Epoch.Should().NotBe(old.Epoch).And.MatchRegex("^[0-9A-Za-z]{8,}$");
        (await second.Nodes[0].Log.ReadAsync(room, old, 10)).Recovered.Should().BeFalse();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_channel_idle_for_twice_the_retention_is_forgotten_and_its_name_starts_again_under_another_epoch()
    {
        await using var engine = new MemoryEngineUnderTest(Time, new DuplexityOptions(), Handlers[0]);
        var (log, room) = (engine.Nodes[0].Log, Address.Room("lobby"));
        var old = await AppendAsync(log, room);

        Time.Advance(TimeSpan.FromDays(13));
        (await log.TopAsync(room)).Should().Be(old);
        Time.Advance(TimeSpan.FromDays(2));
        (await log.TopAsync(room)).Should().Be(Position.Start);

        var again = await AppendAsync(log, room);
        again.Offset.Should().Be(1);
        again.Epoch.Should().NotBe(old.Epoch);
        (await log.ReadAsync(room, old, 10)).Recovered.Should().BeFalse();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_client_that_draws_a_session_for_every_send_pays_with_its_own_oldest_sessions()
    {
        var options = new DuplexityOptions();
        options.Limits.ReceiptsPerSession = 2;
        options.Limits.SocketsPerClient = 5;
        await using var engine = new MemoryEngineUnderTest(Time, options, Handlers[0]);
        var log = engine.Nodes[0].Log;
        await SendAsync("AMY", "steady");
        await SendAsync("BEN", "only");
        for (var i = 0; i < 9; i++)
        {
            await SendAsync("AMY", $"s{i}");
        }

        (await SendAsync("AMY", "steady")).Should().Be(AppendOutcome.Repeated, "ten receipts are kept, and this use makes it the youngest");
        await SendAsync("AMY", "s9");

        (await SendAsync("AMY", "steady")).Should().Be(AppendOutcome.Repeated);
        (await SendAsync("AMY", "s0")).Should().Be(AppendOutcome.Stored, "the oldest gave way");
        (await SendAsync("BEN", "only")).Should().Be(AppendOutcome.Repeated);

        async Task<AppendOutcome> SendAsync(string client, string session) =>
            (await log.AppendAsync(new AppendRequest(Message(client), new IdempotencyKey(client, session, 1, null, "f")))).Outcome;
    }

    [Fact]
    public async Task Nothing_is_appended_before_a_handler_is_attached_and_only_one_ever_is()
    {
        await using var services = new ServiceCollection().Configure<DuplexityOptions>(o => o.Data = "").AddDuplexityEngine().BuildServiceProvider();
        var engine = services.GetRequiredService<IEngine>();

        await FluentActions.Awaiting(async () => await engine.Log.AppendAsync(new AppendRequest(Message("AMY")))).Should().ThrowAsync<InvalidOperationException>();
        engine.Attach(Handlers[0]);
        engine.Invoking(e => e.Attach(Handlers[1])).Should().Throw<InvalidOperationException>();
        (await engine.Log.AppendAsync(new AppendRequest(Message("AMY")))).Outcome.Should().Be(AppendOutcome.Stored);
    }

    private static StoredMessage Message(string client) => new()
    {
        Id = Guid.NewGuid().ToString("N"),
        FromClient = client,
        SentAt = DateTimeOffset.UnixEpoch,
        Text = "hello",
        Destinations = [Address.Room("lobby")],
    };

    private static async Task<Position> AppendAsync(IMessageLog log, Address channel) =>
        (await log.AppendAsync(new AppendRequest(Message("AMY") with { Destinations = [channel] }))).Positions[0];
}
