using Duplexity.Server.Engine;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Duplexity.Server.Cluster;

/// <summary>Whether the node takes clients, and its engine does what it is for. One probe a second at most, whoever asks how often.</summary>
internal sealed class EngineHealth(IEngine engine, NodeBook nodes, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _asked;
    private HealthCheckResult? _result;

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (nodes.Self.IsDraining)
        {
            return HealthCheckResult.Unhealthy("This node is being emptied.");
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_result is not { } result || time.GetElapsedTime(_asked) >= Fresh)
            {
                _result = result = await engine.ProbeAsync(cancellationToken) is { } problem ? HealthCheckResult.Unhealthy(problem) : HealthCheckResult.Healthy();
                _asked = time.GetTimestamp();
            }

            return result;
        }
        finally
        {
            _turn.Release();
        }
    }
}
