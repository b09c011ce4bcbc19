using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Duplexity.Server.Cluster;

/// <summary>Whether a front can serve: a node answers it, and it is not being emptied.</summary>
internal sealed class FrontHealth(NodeBook nodes, FrontLedger ledger) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        nodes.Self.IsDraining ? HealthCheckResult.Unhealthy("This front is being emptied.")
        : !ledger.IsHeard || nodes.Lease is { IsOver: true } ? HealthCheckResult.Unhealthy("No node answers this front.")
        : HealthCheckResult.Healthy());
}
