using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Sockets;

/// <summary>Tells the service's own hosts from all others, which are pipes or nothing. Thread-safe.</summary>
internal interface IServiceHosts
{
    /// <summary>Whether the service itself answers at <paramref name="host"/>, a request's Host header.</summary>
    bool Contains(HostString host);
}
