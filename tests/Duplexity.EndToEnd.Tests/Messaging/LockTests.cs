using System.Diagnostics;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>Locks over the death of the service: real processes, a real data folder.</summary>
public sealed class LockTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(12);

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task A_service_that_is_killed_with_a_held_lock_gives_it_to_nobody_else_before_the_lease_ends_and_with_a_greater_token()
    {
        var data = Directory.CreateTempSubdirectory("duplexity-data-");
        try
        {
            await using var service = await RealService.StartAsync($"--Duplexity:Data={data.FullName}", $"--Duplexity:Locks:Lease={Lease:c}");
            var amy = service.Cli("amy", "lock", "jobs/nightly", "--", "sh", "-c", "echo token $DUPLEXITY_FENCING_TOKEN; exec cat");
            var first = await amy.LineAsync("token ");

            // Both at once: her program cannot renew any more, and the service cannot say goodbye to it.
            var sure = Stopwatch.StartNew();
            amy.Kill();
            amy.CloseInput();
            service.Process.Kill();
            await service.StartAgainAsync();
            var impatient = service.Cli("ben", "lock", "jobs/nightly", "--try", "--", "true");
            var patient = service.Cli("ben", "lock", "jobs/nightly", "--wait", "60s", "--", "sh", "-c", "echo token $DUPLEXITY_FENCING_TOKEN");
            var second = await patient.LineAsync("token ", TestTimeout.Long);

            sure.Elapsed.Should().BeGreaterThan(Lease, "she may have renewed it just before");
            (await impatient.ExitAsync()).Should().Be(1);
            impatient.Output.Should().Contain("amy holds jobs/nightly");
            (await patient.ExitAsync()).Should().Be(0);
            Token(second).Should().BeGreaterThan(Token(first));
        }
        finally
        {
            data.Delete(recursive: true);
        }

        static long Token(string line) => long.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
