using CsCheck;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>Thousands of random histories of one lock: asking, waiting, renewing, giving back, taking over, standing still, losing sockets, full disks, and kills of the node with its clock set back.</summary>
public sealed class LockHistoryTests
{
    private static readonly Gen<int[]> Histories = Gen.Int[0, (64 * 8) - 1].Array[1, 80];

    [Fact]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G17")]
    public async Task Nobody_is_granted_what_another_counts_on_and_no_two_accepted_writes_are_out_of_token_order() =>
        await Histories.SampleAsync(
            async steps =>
            {
                var time = Clock();
                using var store = new MemoryLockStore(time);
                var history = new LockHistory(time, store);
                await history.RunAsync(steps);
                history.Accepted.Should().BeInAscendingOrder();
            },
            iter: 5_000);

    [Fact]
    [Trait("Guarantee", "G16")]
    [Trait("Guarantee", "G17")]
    public Task On_a_disk_that_outlives_kills_tokens_and_what_is_accepted_under_them_never_go_back_either() => OnDiskAsync(histories: 100);

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Guarantee", "G17")]
    public Task On_a_disk_that_outlives_kills_tokens_never_go_back_in_thousands_of_histories() => OnDiskAsync(histories: 3_000);

    [Fact]
    public async Task The_histories_are_not_empty_ones()
    {
        var grants = 0;
        await Histories.SampleAsync(
            async steps =>
            {
                var time = Clock();
                using var store = new MemoryLockStore(time);
                var history = new LockHistory(time, store);
                await history.RunAsync(steps);
                Interlocked.Add(ref grants, history.Grants);
            },
            iter: 200);

        grants.Should().BeGreaterThan(400);
    }

    private static async Task OnDiskAsync(int histories)
    {
        var accepted = 0;
        await Histories.SampleAsync(
            async steps =>
            {
                var time = Clock();
                using var store = new SqliteLockStore(time);
                var history = new LockHistory(time, store);
                await history.RunAsync(steps);
                history.Accepted.Should().BeInAscendingOrder();
                Interlocked.Add(ref accepted, history.Accepted.Count);
            },
            iter: histories);

        accepted.Should().BeGreaterThan(histories);
    }

    private static FakeTimeProvider Clock() => new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
}
