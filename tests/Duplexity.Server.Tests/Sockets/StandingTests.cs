using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Hubs;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Auth;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using HeldBy = Duplexity.Server.Sockets.Identity;

namespace Duplexity.Server.Tests.Sockets;

/// <summary>What stands against clients, when several change it at once.</summary>
public sealed class StandingTests
{
    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_client_that_revokes_itself_while_it_is_disabled_is_disabled_after_a_restart_too()
    {
        var records = new SlowRecords(new MemoryRecords(TimeProvider.System));
        var standing = StandingOf(records, TimeProvider.System);

        // Her own change is on its way to the disk when the administrator's comes.
        var own = standing.RevokeClientAsync("amy", DateTimeOffset.UnixEpoch, default);
        await records.Began.Soon();
        var disabled = standing.DisableClientAsync("amy", isDisabled: true, default);
        records.GoOn();
        await Task.WhenAll(own, disabled).Soon();

        var restarted = StandingOf(records, TimeProvider.System);
        await restarted.StartAsync(default);
        restarted.IsOut("amy").Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Enabling_that_could_not_be_written_lets_nobody_in_and_undoes_no_disabling_that_comes_after_it()
    {
        var records = new FullRecords(isFull: false);
        var standing = StandingOf(records, TimeProvider.System);
        await standing.DisableClientAsync("amy", isDisabled: true, default);

        records.IsFull = true;
        await FluentActions.Awaiting(() => standing.DisableClientAsync("amy", isDisabled: false, default)).Should().ThrowAsync<IOException>();
        standing.IsOut("amy").Should().BeTrue();

        records.IsFull = false;
        await standing.DisableClientAsync("amy", isDisabled: true, default);
        standing.IsOut("amy").Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Disabling_that_could_not_be_written_ends_with_the_enabling_that_is()
    {
        var records = new FullRecords();
        var standing = StandingOf(records, TimeProvider.System);
        await FluentActions.Awaiting(() => standing.DisableClientAsync("amy", isDisabled: true, default)).Should().ThrowAsync<IOException>();
        standing.IsOut("amy").Should().BeTrue();

        records.IsFull = false;
        await standing.DisableClientAsync("amy", isDisabled: false, default);
        standing.IsOut("amy").Should().BeFalse();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_was_revoked_is_forgotten_when_nothing_that_names_it_can_be_good_any_more()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var records = new MemoryRecords(time);
        var standing = StandingOf(records, time);
        var identity = new HeldBy("amy", null, "here", "token", new()) { KeyId = "key" };
        await standing.RevokeKeyAsync("key", default);
        await standing.RevokeTokenAsync("token", time.GetUtcNow() + TimeSpan.FromMinutes(5), default);
        standing.Problem(identity).Should().NotBeNull();
        var restarted = StandingOf(records, time);
        await restarted.StartAsync(default);
        restarted.Problem(identity with { KeyId = null }).Should().NotBeNull();
        restarted.Problem(identity with { TokenId = null }).Should().NotBeNull();

        time.Advance(TimeSpan.FromHours(26));
        await standing.RevokeKeyAsync("other", default);
        await standing.RevokeTokenAsync("another", time.GetUtcNow() + TimeSpan.FromMinutes(5), default);

        standing.Problem(identity).Should().BeNull();
        (await records.ListAsync("revoked-key")).Should().ContainSingle();
        (await records.ListAsync("revoked-token")).Should().ContainSingle();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_token_or_key_whose_revocation_cannot_be_written_is_refused_until_a_restart_all_the_same()
    {
        var standing = StandingOf(new FullRecords(), TimeProvider.System);
        var identity = new HeldBy("amy", null, "here", "token", new()) { KeyId = "key" };

        await FluentActions.Awaiting(async () => await standing.RevokeTokenAsync("token", null, default)).Should().ThrowAsync<IOException>();
        standing.Problem(identity with { KeyId = null }).Should().NotBeNull();
        await FluentActions.Awaiting(async () => await standing.RevokeKeyAsync("key", default)).Should().ThrowAsync<IOException>();
        standing.Problem(identity with { TokenId = null }).Should().NotBeNull();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_watch_that_begins_while_its_client_falls_off_the_connection_tells_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.DiscoveredAsync(node, "ben");
        await control.AuthenticateAsync(node.Token("root", null, ("role", "admin")));
        var connection = node.Services.GetRequiredService<IdentityHolders>().All.OfType<ControlConnection>().Single();
        var root = connection.Identities.Find("root")!;
        var watching = node.Services.GetRequiredService<Duplexity.Server.Hubs.Watching>();
        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("root");

        // As a call that was under way when the revocation was answered.
        var answer = await watching.WatchSocketsAsync(connection, root, new WatchSocketsRequest { Client = "*" }, _ => throw new InvalidOperationException("Nobody may be told."), CancellationToken.None);

        answer.Error!.Name.Should().Be("identity_not_held");
        answer.Sockets.Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    [Trait("Guarantee", "G21")]
    public async Task A_revocation_or_disconnect_that_cannot_be_written_says_so_and_takes_the_client_off_all_the_same()
    {
        var records = new FullRecords(isFull: false);
        await using var node = await TestNode.StartAsync(s => s.Services = services => services.AddSingleton<IRecords>(records));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var duplexity = node.Services.GetRequiredService<IDuplexity>();
        records.IsFull = true;

        await FluentActions.Awaiting(() => duplexity.RevokeAsync("amy")).Should().ThrowAsync<IOException>();
        await FluentActions.Awaiting(() => duplexity.DisconnectAsync(Address.Client("ben"), "go")).Should().ThrowAsync<IOException>();

        (await amy.Disconnected).Code.Should().Be(Errors.Revoked.Code);
        (await ben.Disconnected).Code.Should().Be(Errors.ForcedOut.Code);
        records.IsFull = false;
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    [Trait("Guarantee", "G24")]
    public async Task A_hundred_sessions_of_a_client_are_kept_away_at_once_and_those_whose_time_is_over_do_not_count()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var blocks = new Blocks(new VaultOnly(new MemoryRecords(time)), time);
        for (var i = 0; i < 101; i++)
        {
            await blocks.KeepAwayAsync("amy", $"s{i}", TimeSpan.FromMinutes(1));
        }

        blocks.Find("amy", "s99").Should().NotBeNull();
        blocks.Find("amy", "s100").Should().BeNull("whoever wants all of them away says so of the client");
        time.Advance(TimeSpan.FromMinutes(2));
        await blocks.KeepAwayAsync("amy", "s101", TimeSpan.FromMinutes(1));

        blocks.Find("amy", "s101").Should().NotBeNull();
    }

    private static Standing StandingOf(IRecords records, TimeProvider time)
    {
        var engine = new VaultOnly(records);
        return new Standing(engine, new Blocks(engine, time), time);
    }

    /// <summary>Records whose first change waits.</summary>
    private sealed class SlowRecords(IRecords records) : IRecords
    {
        private readonly TaskCompletionSource _began = new();
        private readonly TaskCompletionSource _goOn = new();
        private int _changes;

        public Task Began => _began.Task;

        public bool IsDurable => true;

        public void GoOn() => _goOn.SetResult();

        public async ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default)
        {
            if (Interlocked.Increment(ref _changes) == 1)
            {
                _began.SetResult();
                await _goOn.Task;
            }

            return await records.TryAddAsync(kind, key, value, expiresAt, ct);
        }

        public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => records.PutAsync(kind, key, value, expiresAt, ct);

        public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => records.TryReplaceAsync(kind, key, expected, value, expiresAt, ct);

        public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => records.ReadAsync(kind, key, ct);

        public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => records.TakeAsync(kind, key, ct);

        public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => records.ListAsync(kind, ct);
    }
}
