using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>On which hosts the service itself answers: the one of <c>Duplexity:Url</c>, loopback names and IP literals (G5).</summary>
internal sealed class ServiceHosts(IOptions<DuplexityOptions> options)
{
    private readonly string? _own = options.Value.Url?.IdnHost.ToLowerInvariant();

    public bool IsServiceHost(HostString host)
    {
        if (!host.HasValue)
        {
            return false;
        }

        var name = PipeNames.KeyOf(host.Host);
        return name is not null && (name == _own || name == "localhost" || IPAddress.TryParse(name, out _));
    }
}
