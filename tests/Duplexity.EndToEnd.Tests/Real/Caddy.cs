using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A real Caddy on a loopback port, which gets a certificate of its own authority for a host when the first visitor asks for it, if the service says that there is such a host.</summary>
public sealed class Caddy : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly RealProcess _process;

    private Caddy(DirectoryInfo folder, RealProcess process, int port) => (_folder, _process, Port) = (folder, process, port);

    /// <summary>The port that visitors use.</summary>
    public int Port { get; }

    /// <summary>The certificate of its authority, as a file.</summary>
    public string Root => Path.Combine(_folder.FullName, "caddy", "pki", "authorities", "local", "root.crt");

    /// <summary>Starts it in front of a service.</summary>
    public static async Task<Caddy> StartAsync(int servicePort, int askPort)
    {
        var port = FreePorts.One();
        var folder = Directory.CreateTempSubdirectory("duplexity-caddy-");
        var file = Path.Combine(folder.FullName, "Caddyfile");
        await File.WriteAllTextAsync(file, Configuration(port, servicePort, askPort));
        var process = RealProcess.Start(
            ProcessTools.Find("caddy"), ["run", "--config", file, "--adapter", "caddyfile"], [("XDG_DATA_HOME", folder.FullName), ("XDG_CONFIG_HOME", folder.FullName), ("HOME", folder.FullName)]);
        await process.LineAsync("serving initial configuration");
        return new Caddy(folder, process, port);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    // The README's, but for the ports, the authority, and what would touch this machine.
    private static string Configuration(int port, int servicePort, int askPort) => $$"""
        {
          admin off
          skip_install_trust
          auto_https disable_redirects
          on_demand_tls {
            ask http://127.0.0.1:{{askPort}}/locate/ask
          }
        }
        https://:{{port}} {
          tls internal {
            on_demand
          }
          reverse_proxy 127.0.0.1:{{servicePort}}
        }
        """;
}
