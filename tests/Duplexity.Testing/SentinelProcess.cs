namespace Duplexity.Testing;

/// <summary>A real <c>redis-sentinel</c> that watches one primary by the name <c>service</c> and fails it over within some seconds: sooner, and a busy machine is taken for a dead primary.</summary>
public sealed class SentinelProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    private SentinelProcess(DirectoryInfo folder, int port, RealProcess process)
    {
        _folder = folder;
        Port = port;
        Process = process;
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>The process, which prints what it sees.</summary>
    public RealProcess Process { get; }

    /// <summary>Starts one.</summary>
    public static async Task<SentinelProcess> StartAsync(int primary)
    {
        var (folder, port) = (Directory.CreateTempSubdirectory("duplexity-sentinel-"), FreePorts.One());
        var file = Path.Combine(folder.FullName, "sentinel.conf");
        await File.WriteAllLinesAsync(file,
        [
            $"port {port}", "bind 127.0.0.1", $"dir {folder.FullName}", $"sentinel monitor service 127.0.0.1 {primary} 1", "sentinel down-after-milliseconds service 5000", "sentinel failover-timeout service 5000",
        ]);
        var process = RealProcess.Start(ProcessTools.RedisSentinel, [file]);
        await process.LineAsync("+slave slave");
        return new SentinelProcess(folder, port, process);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
