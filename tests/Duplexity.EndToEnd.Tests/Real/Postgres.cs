using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A real PostgreSQL on a loopback port, its data in a temporary folder, everybody trusted.</summary>
public sealed class Postgres : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly RealProcess _process;

    private Postgres(DirectoryInfo folder, RealProcess process, int port) => (_folder, _process, Port) = (folder, process, port);

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>A program of the newest version that is installed; the ones on the PATH are wrappers, or not there.</summary>
    public static string Program(string name) => Directory.Exists("/usr/lib/postgresql")
        ? Path.Combine(Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Last(), "bin", name)
        : throw new InvalidOperationException("PostgreSQL is not installed here; tests/run.sh installs what the tests need.");

    /// <summary>Starts it with the user and the database <c>postgres</c>.</summary>
    public static async Task<Postgres> StartAsync()
    {
        var port = FreePorts.One();
        var folder = Directory.CreateTempSubdirectory("duplexity-postgres-");
        folder.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        var data = Path.Combine(folder.FullName, "data");
        await using (var init = Run("initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"))
        {
            if (await init.ExitAsync(TestTimeout.Long) != 0)
            {
                throw new InvalidOperationException(init.Output);
            }
        }

        var process = Run("postgres", "-D", data, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={folder.FullName}", "-c", "fsync=off");
        await process.LineAsync("database system is ready");
        return new Postgres(folder, process, port);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // In order, for it has shared memory to give back.
        _process.SendInterrupt();
        await _process.ExitAsync();
        await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    // It refuses to run as root; its package has made a user for it.
    private static RealProcess Run(string program, params string[] arguments) => Environment.IsPrivilegedProcess
        ? RealProcess.Start(ProcessTools.Find("setpriv"), ["--reuid", "postgres", "--regid", "postgres", "--init-groups", Program(program), .. arguments])
        : RealProcess.Start(Program(program), arguments);
}
