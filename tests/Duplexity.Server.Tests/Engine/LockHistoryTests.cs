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
        await SampleAsync(time => new MemoryLockStore(time), 5_000, history => history.Accepted.Should().BeInAscendingOrder());

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
        await SampleAsync(time => new MemoryLockStore(time), 200, history => Interlocked.Add(ref grants, history.Grants));

        grants.Should().BeGreaterThan(200);
    }

    private static async Task OnDiskAsync(int histories)
    {
        var accepted = 0;
        await SampleAsync(time => new SqliteLockStore(time), histories, history =>
        {
            history.Accepted.Should().BeInAscendingOrder();
            Interlocked.Add(ref accepted, history.Accepted.Count);
        });

        accepted.Should().BeGreaterThan(histories);
    }

    private static Task SampleAsync(Func<FakeTimeProvider, LockStore> open, int histories, Action<LockHistory> check) =>
        Histories.SampleAsync(
            async steps =>
            {
                var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
                using var store = open(time);
                var history = new LockHistory(time, store);
                await history.RunAsync(steps);
                check(history);
            },
            iter: histories);
}
