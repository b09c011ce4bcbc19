using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A real rsync daemon on a loopback port, with one module, <c>tree</c>.</summary>
public sealed class RsyncDaemon : IAsyncDisposable
{
    private readonly RealProcess _process;

    private RsyncDaemon(RealProcess process, int port) => (_process, Port) = (process, port);

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Starts it; <paramref name="tree"/> is what it takes and gives, and <paramref name="folder"/> has its settings.</summary>
    public static async Task<RsyncDaemon> StartAsync(string folder, string tree)
    {
        var port = FreePorts.One();
        var configuration = Path.Combine(folder, "rsyncd.conf");
        await File.WriteAllTextAsync(configuration, $"""
            use chroot = false
            pid file = {folder}/rsyncd.pid
            {(Environment.IsPrivilegedProcess ? "uid = 0\ngid = 0" : "")}
            [tree]
            path = {tree}
            read only = false

            """);
        var process = RealProcess.Start(
            ProcessTools.Find("rsync"), ["--daemon", "--no-detach", "--config", configuration, "--port", $"{port}", "--address", "127.0.0.1", "--log-file", "/dev/stderr"]);
        await process.LineAsync("listening on port");
        return new RsyncDaemon(process, port);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
