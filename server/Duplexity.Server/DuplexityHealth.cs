using Duplexity.Server.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Duplexity.Server;

/// <summary>A node's part in the application's health checks.</summary>
public static class DuplexityHealth
{
    /// <summary>
    /// Adds a check that says whether the node can serve: unhealthy while its engine cannot be reached, or takes commands and does not bring what is told, and from when it is being emptied; a front, while no node answers it. For a readiness probe; a node whose engine is away is alive, and starting it
    /// again would not help.
    /// </summary>
    /// <param name="checks">The application's health checks.</param>
    /// <param name="tags">By which the application finds it, such as <c>ready</c>.</param>
    public static IHealthChecksBuilder AddDuplexity(this IHealthChecksBuilder checks, params string[] tags) =>
        checks.Add(new("duplexity", services => services.GetService<FrontHealth>() as IHealthCheck ?? ActivatorUtilities.GetServiceOrCreateInstance<EngineHealth>(services), null, tags));
}
