using CsCheck;
using FluentAssertions;
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
                var history = new LockHistory();
                await history.RunAsync(steps);
                history.Accepted.Should().BeInAscendingOrder();
            },
            iter: 5_000);

    [Fact]
    public async Task The_histories_are_not_empty_ones()
    {
        var grants = 0;
        await Histories.SampleAsync(
            async steps =>
            {
                var history = new LockHistory();
                await history.RunAsync(steps);
                Interlocked.Add(ref grants, history.Grants);
            },
            iter: 200);

        grants.Should().BeGreaterThan(400);
    }
}
