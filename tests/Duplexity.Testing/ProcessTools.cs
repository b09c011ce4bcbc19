namespace Duplexity.Testing;

/// <summary>Where the real programs are that end-to-end tests run. <c>tests/run.sh</c> installs what is missing.</summary>
public static class ProcessTools
{
    private static readonly string[] Folders =
        [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), "/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin"];

    /// <summary>The repository's root: the folder of <c>Duplexity.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The web server.</summary>
    public static string Nginx => Find("nginx");

    /// <summary>The SSH server; it insists on its absolute path.</summary>
    public static string Sshd => Find("sshd");

    /// <summary>The browser.</summary>
    public static string Chromium => Find("chromium");

    /// <summary>Shows the system calls of a program.</summary>
    public static string Strace => Find("strace");

    /// <summary>The store of several nodes.</summary>
    public static string Redis => Find("redis-server");

    /// <summary>Fails it over.</summary>
    public static string RedisSentinel => Find("redis-sentinel");

    /// <summary>JavaScript without a browser.</summary>
    public static string Node => Find("node");

    /// <summary>The system's own Python, which has the packages of the system; another one on the PATH has not.</summary>
    public static string SystemPython => File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : throw new InvalidOperationException("There is no /usr/bin/python3 here; tests/run.sh installs what the tests need.");

    /// <summary>The .NET command.</summary>
    public static string DotNet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } path ? path : Find("dotnet");

    /// <summary>The folder of npm packages that the Node tests use; a clear failure where <c>npm ci</c> has not been run.</summary>
    public static string NodeFolder
    {
        get
        {
            var folder = Path.Combine(Root, "tests", "Duplexity.EndToEnd.Tests", "node");
            return Directory.Exists(Path.Combine(folder, "node_modules"))
                ? folder
                : throw new InvalidOperationException("The npm packages of the end-to-end tests are not installed; run tests/run.sh once, or `npm ci --ignore-scripts` in tests/Duplexity.EndToEnd.Tests/node.");
        }
    }

    /// <summary>The built output of a project of the repository, in the same configuration as the running tests, such as <c>client-sdk/Duplexity.Cli</c>, <c>duplexity.dll</c>.</summary>
    public static string Built(string project, string file)
    {
        // …/bin/Debug/net10.0/
        var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var path = Path.Combine(Root, project, "bin", framework.Parent!.Name, framework.Name, file);
        return File.Exists(path) ? path : throw new InvalidOperationException($"{file} of {project} is not built; build Duplexity.sln, as tests/run.sh does.");
    }

    /// <summary>A program by its name; a clear failure where it is missing.</summary>
    public static string Find(string program) => TryFind(program)
        ?? throw new InvalidOperationException($"The program \"{program}\" is not installed here; tests/run.sh installs what the tests need.");

    /// <summary>A program by its name; null where it is missing, for what is looked at only where it is there.</summary>
    public static string? TryFind(string program) => Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Duplexity.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("Duplexity.sln is in no folder above the tests.");
    }
}
