using Duplexity.EndToEnd.Tests.Real;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>rsync against its own daemon behind a TCP pipe: both sides talk at the same time, at full speed.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "3.4")]
public sealed class RsyncTests(SuiteStage stage) : IAsyncLifetime
{
    private const int Big = 16 * 1024 * 1024;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-rsync-");
    private RsyncDaemon _daemon = null!;
    private int _port;

    private string Piped => $"rsync://localhost:{_port}/tree/";

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(In("there"));
        _daemon = await RsyncDaemon.StartAsync(_folder.FullName, In("there"));
        _port = await stage.TcpAsync(_daemon.Port);
    }

    public async Task DisposeAsync()
    {
        await _daemon.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_tree_is_pushed_changed_pushed_again_and_pulled()
    {
        var bytes = new byte[Big];
        new Random(9).NextBytes(bytes);
        Directory.CreateDirectory(In("here/some/folder"));
        await File.WriteAllBytesAsync(In("here/big.bin"), bytes);
        foreach (var i in Enumerable.Range(0, 300))
        {
            await File.WriteAllTextAsync(In($"here/some/folder/{i} \u00e9.txt"), string.Concat(Enumerable.Repeat($"line {i}\n", i)));
        }

        await SyncAsync(In("here/"), Piped);
        await NothingDiffersAsync("there");

        // A byte in the middle: now the daemon's checksums come while ours are read, and hardly anything is sent.
        bytes[Big / 2]++;
        await File.WriteAllBytesAsync(In("here/big.bin"), bytes);
        File.Delete(In("here/some/folder/7 \u00e9.txt"));
        var again = await SyncAsync("--stats", "--no-whole-file", "--ignore-times", In("here/"), Piped);
        again.Should().MatchRegex("Total bytes sent: [0-9]{1,3},?[0-9]{3}\n");
        await NothingDiffersAsync("there");

        await SyncAsync(Piped, In("back/"));
        await NothingDiffersAsync("back");
    }

    private async Task NothingDiffersAsync(string folder) =>
        (await SyncAsync("--dry-run", "--checksum", "--itemize-changes", In("here/"), In($"{folder}/"))).Should().BeEmpty();

    private Task<string> SyncAsync(params string[] arguments) => stage.RunAsync("rsync", ["--archive", "--delete", .. arguments]);

    private string In(string name) => Path.Combine(_folder.FullName, name);
}
