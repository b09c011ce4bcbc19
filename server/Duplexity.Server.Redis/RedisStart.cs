using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Redis;

/// <summary>Opens the engine before anything else starts, and leaves the other nodes after everything else has stopped.</summary>
internal sealed class RedisStart(RedisEngine engine) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => engine.StartAsync().WaitAsync(cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await engine.LeaveAsync().WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is DuplexityException or OperationCanceledException)
        {
            // Redis is away: the others remove what this node had when its lease is over.
        }
    }
}
