using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A real nginx in front of several nodes, as the README has it: one address, each connection to the next node, no stickiness.</summary>
public sealed class Balancer : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-balancer-");
    private readonly RealProcess _process;

    private Balancer(int port, string[] servers)
    {
        Port = port;
        var configuration = Path.Combine(_folder.FullName, "nginx.conf");
        File.WriteAllText(configuration, Configuration(_folder.FullName, port, servers));
        _process = RealProcess.Start(ProcessTools.Nginx, ["-p", _folder.FullName, "-c", configuration, "-e", "stderr"]);
    }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Where clients connect.</summary>
    public Uri Address => new($"http://127.0.0.1:{Port}/");

    /// <summary>Starts one on a port; <paramref name="servers"/> as nginx writes them: <c>127.0.0.1:5000</c>, <c>127.0.0.1:5001 backup</c>.</summary>
    public static async Task<Balancer> StartAsync(int port, params string[] servers)
    {
        var balancer = new Balancer(port, servers);
        await balancer._process.LineAsync("start worker process");
        return balancer;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static string Configuration(string folder, int port, string[] servers) => $$"""
        {{Nginx.Beginning(folder)}}
        http {
          access_log off;
          {{Nginx.Http(folder)}}
          upstream nodes {
            {{string.Join("\n    ", servers.Select(s => $"server {s};"))}}
          }
          server {
            listen 127.0.0.1:{{port}};
            location / {
              proxy_pass http://nodes;
              proxy_next_upstream error timeout http_503;
              proxy_http_version 1.1;
              proxy_set_header Host $http_host;
              proxy_set_header Upgrade $http_upgrade;
              proxy_set_header Connection $connection_upgrade;
              proxy_read_timeout 1h;
              proxy_buffering off;
              proxy_request_buffering off;
            }
          }
        }
        """;
}
