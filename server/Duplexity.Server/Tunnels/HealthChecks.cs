using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>Asks the resources of shared names whether they are well, where their registrations say how: what has frozen is passed over before a visitor waits for it. Only for names that visitors of this node come to.</summary>
internal sealed class HealthChecks(CarrierPools pools, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<HealthChecks> logger) : BackgroundService
{
    /// <summary>How long after its last visitor a name is asked about: a page that is open asks again within a minute.</summary>
    private static readonly TimeSpan Interest = TimeSpan.FromMinutes(1);

    private readonly TimeSpan _every = options.Value.Times.HealthCheck;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(_every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await RoundAsync(stoppingToken);
        }
    }

    /// <summary>Asks all of them once.</summary>
    internal async Task RoundAsync(CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(_every / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ct);
        await Task.WhenAll(pools.CheckedWhereVisitedWithin(Interest).Select(pool => CheckAsync(pool, either.Token, ct)));
    }

    private async Task CheckAsync(CarrierPool pool, CancellationToken ct, CancellationToken stopping)
    {
        var became = await pool.CheckAsync(ct);
        if (stopping.IsCancellationRequested)
        {
            return;
        }

        if (became == true)
        {
            Log.ResourceWell(logger, pool.Entry.Name, pool.Entry.Session);
        }
        else if (became == false)
        {
            Log.ResourceIll(logger, pool.Entry.Name, pool.Entry.Session);
        }
    }
}
