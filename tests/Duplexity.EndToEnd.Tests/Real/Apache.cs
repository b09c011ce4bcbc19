using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A real Apache on a loopback port: WebDAV under <c>/dav/</c>, git repositories under <c>/git/</c>.</summary>
public sealed class Apache : IAsyncDisposable
{
    private const string Modules = "/usr/lib/apache2/modules";

    private readonly DirectoryInfo _folder;
    private readonly RealProcess _process;

    private Apache(DirectoryInfo folder, RealProcess process, int port) => (_folder, _process, Port) = (folder, process, port);

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>What it printed: its log of errors.</summary>
    public string Output => _process.Output;

    /// <summary>Starts it, with an empty repository <c>/git/project.git</c> that takes pushes.</summary>
    public static async Task<Apache> StartAsync()
    {
        var port = FreePorts.One();
        var folder = Directory.CreateTempSubdirectory("duplexity-apache-");
        var dav = folder.CreateSubdirectory("files").CreateSubdirectory("dav");
        var locks = folder.CreateSubdirectory("locks");
        var repository = folder.CreateSubdirectory("git").CreateSubdirectory("project.git");
        await RunAsync("init", "--bare", "--quiet", "--initial-branch=main", repository.FullName);
        await RunAsync("--git-dir", repository.FullName, "config", "http.receivepack", "true");
        Open(folder);
        OpenAll(dav);
        OpenAll(locks);
        OpenAll(repository);
        var configuration = Path.Combine(folder.FullName, "apache.conf");
        await File.WriteAllTextAsync(configuration, Configuration(folder.FullName, port, await RunAsync("--exec-path")));
        var process = RealProcess.Start(ProcessTools.Find("apache2"), ["-D", "FOREGROUND", "-f", configuration]);
        await process.LineAsync("resuming normal operations");
        return new Apache(folder, process, port);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    // Where tests run as root its workers are somebody else, who must get in and write.
    private static void Open(DirectoryInfo folder) => folder.UnixFileMode |= UnixFileMode.GroupExecute | UnixFileMode.OtherExecute | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private static void OpenAll(DirectoryInfo folder)
    {
        foreach (var entry in folder.EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Append(folder))
        {
            entry.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherWrite | (entry is DirectoryInfo ? UnixFileMode.OtherExecute : UnixFileMode.None);
        }
    }

    private static async Task<string> RunAsync(params string[] arguments)
    {
        await using var git = RealProcess.Start(ProcessTools.Find("git"), arguments);
        return await git.ExitAsync() == 0 ? git.Output.Trim() : throw new InvalidOperationException(git.Output);
    }

    // As Debian's packages and git's manual have it, but for the folders.
    private static string Configuration(string folder, int port, string git) => $"""
        ServerRoot {folder}
        ServerName localhost
        PidFile {folder}/apache.pid
        Listen 127.0.0.1:{port}
        User www-data
        Group www-data
        ErrorLog /dev/stderr
        LogLevel notice
        StartServers 1
        {string.Concat(Loaded.Select(m => $"LoadModule {m}_module {Modules}/mod_{m}.so\n"))}
        TypesConfig /dev/null
        AddType text/plain .txt
        DocumentRoot {folder}/files
        DavLockDB {folder}/locks/db
        ScriptSock {folder}/cgid.sock
        <Location /dav/>
          Dav On
        </Location>
        SetEnv GIT_PROJECT_ROOT {folder}/git
        SetEnv GIT_HTTP_EXPORT_ALL 1
        # The repository belongs to whoever runs the tests.
        SetEnv GIT_CONFIG_COUNT 1
        SetEnv GIT_CONFIG_KEY_0 safe.directory
        SetEnv GIT_CONFIG_VALUE_0 *
        ScriptAlias /git/ {git}/git-http-backend/

        """;

    private static readonly string[] Loaded = ["mpm_event", "authz_core", "mime", "dir", "alias", "env", "cgid", "dav", "dav_fs"];
}
