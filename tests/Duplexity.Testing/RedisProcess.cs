using StackExchange.Redis;

namespace Duplexity.Testing;

/// <summary>A real <c>redis-server</c> on a free loopback port, with a folder of its own and its append-only file on. Disposing it kills it and removes the folder.</summary>
public sealed class RedisProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly string[] _settings;
    private RealProcess _process = null!;

    private RedisProcess(DirectoryInfo folder, int port, string[] settings)
    {
        _folder = folder;
        Port = port;
        _settings = settings;
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>What a node is given.</summary>
    public string Connection => $"127.0.0.1:{Port}";

    /// <summary>The process, to be stopped, frozen and killed.</summary>
    public RealProcess Process => _process;

    /// <summary>Its folder: the append-only file is below <c>appendonlydir</c>.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Starts one; <paramref name="settings"/> as on its command line, such as <c>--appendfsync always</c>, win over the tests' own.</summary>
    public static async Task<RedisProcess> StartAsync(params string[] settings)
    {
        var redis = new RedisProcess(Directory.CreateTempSubdirectory("duplexity-redis-"), FreePorts.One(), settings);
        await redis.StartAgainAsync();
        return redis;
    }

    /// <summary>Starts it again, at the same place and on the same files.</summary>
    public async Task StartAgainAsync()
    {
        string[] own =
        [
            "--port", $"{Port}", "--bind", "127.0.0.1", "--dir", Folder, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0",
        ];
        _process = RealProcess.Start(ProcessTools.Redis, [.. own, .. _settings]);
        await _process.LineAsync("Ready to accept connections");
    }

    /// <summary>Kills it, as a power button would.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.ExitAsync();
        await _process.DisposeAsync();
    }

    /// <summary>Cuts bytes off the end of what the append-only file has: what a power loss takes that was not fsynced.</summary>
    public void CutTail(int bytes)
    {
        var file = Directory.GetFiles(Path.Combine(Folder, "appendonlydir"), "*.incr.aof").Single();
        using var stream = File.OpenWrite(file);
        stream.SetLength(Math.Max(0, stream.Length - bytes));
    }

    /// <summary>How long the append-only file is.</summary>
    public long TailLength => new FileInfo(Directory.GetFiles(Path.Combine(Folder, "appendonlydir"), "*.incr.aof").Single()).Length;

    /// <summary>A connection of the test's own, which may administer.</summary>
    public Task<ConnectionMultiplexer> ConnectAsync() => ConnectAsync(Connection);

    /// <summary>A replica that has all that is here by now.</summary>
    public async Task<RedisProcess> StartReplicaAsync()
    {
        var replica = await StartAsync([.. _settings, "--replicaof", $"127.0.0.1 {Port}"]);
        await SyncAsync();
        return replica;
    }

    /// <summary>Waits until a replica has all that is here by now.</summary>
    public async Task SyncAsync()
    {
        await using var admin = await ConnectAsync();
        await admin.GetDatabase().StringIncrementAsync("test:sync");
        for (var acknowledged = 0; acknowledged == 0;)
        {
            acknowledged = (int)await admin.GetDatabase().ExecuteAsync("WAIT", 1, 1_000);
        }
    }

    /// <summary>Cuts a replica off and makes it a primary.</summary>
    public async Task PromoteAsync()
    {
        await using var admin = await ConnectAsync();
        await admin.GetServers()[0].ExecuteAsync("REPLICAOF", "NO", "ONE");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(string connection) => ConnectionMultiplexer.ConnectAsync($"{connection},allowAdmin=true,syncTimeout=30000,asyncTimeout=30000");
}
