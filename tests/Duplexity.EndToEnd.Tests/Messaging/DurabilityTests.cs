using System.Globalization;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>What the receipt's level claims, held against the disk of the real service.</summary>
public sealed class DurabilityTests
{
    private static readonly Address Lobby = Address.Room("lobby");

    [Theory]
    [InlineData("fsynced", ReceiptLevel.Fsynced)]
    [InlineData("written", ReceiptLevel.Written)]
    [Trait("Guarantee", "G3")]
    public async Task A_receipt_that_says_fsynced_has_an_fsync_before_it_and_one_that_says_written_has_none(string setting, ReceiptLevel level)
    {
        var calls = Path.Combine(Path.GetTempPath(), $"duplexity-strace-{Guid.NewGuid():n}");
        await using (var service = await RealService.StartUnderAsync([ProcessTools.Strace, "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync", "-o", calls], $"--Duplexity:Durability={setting}"))
        {
            await using var amy = service.Connection("amy");
            await amy.ConnectAsync();

            // The first one makes the file, which is synced whatever the setting.
            (await amy.SendAsync(Lobby, "first")).Level.Should().Be(level);
            for (var i = 0; i < 5; i++)
            {
                var before = await SyncsAsync(calls);
                await amy.SendAsync(Lobby, $"{i}");
                ((await SyncsAsync(calls)) - before).Should().Be(level == ReceiptLevel.Fsynced ? 1 : 0, "one commit for one message");
            }
        }

        File.Delete(calls);
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public async Task A_full_disk_costs_receipts_and_nothing_else_and_is_over_when_there_is_room()
    {
        // A file may grow to 6 MiB, which the write-ahead log reaches before it is written back; without executable memory in files, which count as well.
        await using var service = await RealService.StartUnderAsync(
            ["/bin/bash", "-c", "trap '' XFSZ; ulimit -S -f 6144; DOTNET_EnableWriteXorExecute=0 exec \"$@\"", "bash"]);
        await using var amy = service.Connection("amy", TimeSpan.FromSeconds(10));
        await using var ben = service.Connection("ben");
        await amy.ConnectAsync();
        await ben.ConnectAsync();
        Address[] to = [Lobby, Address.Client("amy")];
        var large = new string('x', 50_000);
        var stored = 0;
        try
        {
            for (; stored < 1_000; stored++)
            {
                await amy.SendAsync(to, large);
            }
        }
        catch (DuplexityException e)
        {
            e.Error.Code.Should().Be(Errors.OutcomeUnknown.Code);
        }

        stored.Should().BeInRange(10, 900);
        (await CountAsync(ben, Lobby)).Should().Be(stored, "it is up, and serves what it has");

        await using (var more = RealProcess.Start(ProcessTools.Find("prlimit"), ["--pid", service.Process.Id.ToString(CultureInfo.InvariantCulture), "--fsize=unlimited:"]))
        {
            (await more.ExitAsync()).Should().Be(0, more.Output);
        }

        await ben.SendAsync(to, "there is room again");
        var there = await CountAsync(ben, Lobby);
        there.Should().Be(stored + 1, "what had no receipt was not stored");
        (await CountAsync(amy, Address.Client("amy"))).Should().Be(there, "all destinations or none");
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task A_second_service_on_the_same_folder_and_one_on_a_damaged_file_do_not_start_and_say_why()
    {
        await using var service = await RealService.StartAsync();
        await RefusedAsync(service.Data, "Another running node uses the data folder");

        await service.Process.DisposeAsync();
        await File.WriteAllTextAsync(Path.Combine(service.Data, "messages.db"), new string('x', 10_000));
        await RefusedAsync(service.Data, "messages.db cannot be read");
        (await File.ReadAllTextAsync(Path.Combine(service.Data, "messages.db"))).Should().StartWith("xxx", "it is left as it is");
    }

    private static async Task RefusedAsync(string data, string why)
    {
        await using var second = RealProcess.Start(
            ProcessTools.DotNet,
            [ProcessTools.Built("server/Duplexity.Host", "Duplexity.Host.dll"), "--urls", "http://127.0.0.1:0", "--environment", "Development", $"--Duplexity:Data={data}", "--Duplexity:Pipes:Ports="]);
        (await second.ExitAsync(TestTimeout.Long)).Should().NotBe(0);
        second.Output.Should().Contain(why).And.NotContain("listens on");
    }

    private static async Task<int> CountAsync(DuplexityConnection connection, Address channel)
    {
        var count = 0;
        await foreach (var _ in connection.HistoryAsync(channel))
        {
            count++;
        }

        return count;
    }

    private static async Task<int> SyncsAsync(string calls)
    {
        // strace writes a call down before the program goes on.
        await using var file = new FileStream(calls, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return (await reader.ReadToEndAsync()).Split('\n').Count(line => line.Contains("messages.db-wal>", StringComparison.Ordinal));
    }
}
