using System.Security.Cryptography;
using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A real nginx on a loopback port: files of its own, and <c>/app/</c> handed on to another web server.</summary>
public sealed class Nginx : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly RealProcess _process;

    private Nginx(DirectoryInfo folder, RealProcess process, int port)
    {
        _folder = folder;
        _process = process;
        Port = port;
    }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>The port of a second server with nothing but <c>proxy_pass</c>.</summary>
    public int PlainProxyPort => Port + 1;

    /// <summary>The 100 MB of <c>/hundred.bin</c>, as their SHA-256.</summary>
    public string HundredHash { get; private init; } = "";

    /// <summary>Its access log.</summary>
    public string AccessLog => File.ReadAllText(Path.Combine(_folder.FullName, "access.log"));

    /// <summary>Files: <c>/index.html</c>, <c>/big.txt</c> (gzip), <c>/hundred.bin</c>; <c>/app/</c> goes to <paramref name="appPort"/>.</summary>
    public static async Task<Nginx> StartAsync(int appPort, bool withFiles = true)
    {
        var port = FreePorts.Range(2).First;
        var folder = Directory.CreateTempSubdirectory("duplexity-nginx-");
        var files = folder.CreateSubdirectory("files");
        await File.WriteAllTextAsync(Path.Combine(files.FullName, "index.html"), "<h1>hello from nginx</h1>\n");
        await File.WriteAllTextAsync(Path.Combine(files.FullName, "big.txt"), string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i}\n")));
        var hash = withFiles ? await WriteHundredAsync(Path.Combine(files.FullName, "hundred.bin")) : "";
        var configuration = Path.Combine(folder.FullName, "nginx.conf");
        await File.WriteAllTextAsync(configuration, Configuration(folder.FullName, port, appPort));
        var process = RealProcess.Start(ProcessTools.Nginx, ["-p", folder.FullName, "-c", configuration, "-e", "stderr"]);
        await process.LineAsync("start worker process");
        return new Nginx(folder, process, port) { HundredHash = hash };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static async Task<string> WriteHundredAsync(string path)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = File.Create(path);
        var part = new byte[1024 * 1024];
        for (var i = 0; i < 100; i++)
        {
            new Random(i).NextBytes(part);
            hash.AppendData(part);
            await file.WriteAsync(part);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>What every nginx of the tests begins with.</summary>
    internal static string Beginning(string folder) => $$"""
        daemon off;
        # Matters where tests run as root: the worker must be able to read the temporary folder. Elsewhere nginx ignores it.
        user root root;
        worker_processes 1;
        pid {{folder}}/nginx.pid;
        error_log stderr notice;
        events { worker_connections 4096; }
        """;

    /// <summary>What its <c>http</c> has: files of its own, bodies of any size, and upgrades.</summary>
    internal static string Http(string folder) => $$"""
        client_body_temp_path {{folder}}/body;
        proxy_temp_path {{folder}}/proxy;
        fastcgi_temp_path {{folder}}/fastcgi;
        uwsgi_temp_path {{folder}}/uwsgi;
        scgi_temp_path {{folder}}/scgi;
        client_max_body_size 0;
        map $http_upgrade $connection_upgrade { default upgrade; '' close; }
        """;

    // The proxy part is as a person would write it for a dev server: WebSockets on, no buffering, and otherwise nginx's defaults.
    private static string Configuration(string folder, int port, int appPort) => $$"""
        {{Beginning(folder)}}
        http {
          types { text/html html; text/plain txt; application/octet-stream bin; }
          access_log {{folder}}/access.log;
          {{Http(folder)}}
          gzip on;
          gzip_types text/plain;
          server {
            listen 127.0.0.1:{{port}};
            root {{folder}}/files;
            location / { }
            location /app/ {
              proxy_pass http://127.0.0.1:{{appPort}};
              proxy_http_version 1.1;
              proxy_set_header Host $http_host;
              proxy_set_header Upgrade $http_upgrade;
              proxy_set_header Connection $connection_upgrade;
              proxy_buffering off;
              proxy_request_buffering off;
            }
          }
          server {
            # nginx as it comes: what an unsuspecting person puts in front.
            listen 127.0.0.1:{{port + 1}};
            location / { proxy_pass http://127.0.0.1:{{appPort}}; }
          }
        }
        """;
}
