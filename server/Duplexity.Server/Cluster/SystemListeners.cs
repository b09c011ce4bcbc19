using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Cluster;

/// <summary>Hands what all nodes are told to the part of this node that does it.</summary>
internal sealed class SystemListeners(IEngine engine, IEnumerable<ISystemListener> listeners, ILogger<SystemListeners> logger) : IHostedService, ISystemHandler
{
    private readonly Dictionary<string, ISystemListener> _byKind = listeners.ToDictionary(l => l.Kind);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        engine.SystemLog.Attach(this);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask<int> OnToldAsync(string kind, string text)
    {
        if (_byKind.TryGetValue(kind, out var listener))
        {
            return listener.HearAsync(text);
        }

        // From a node of a later version, for a part that this one does not have.
        logger.SystemKindUnknown(VisibleText.Of(kind, VisibleText.LogLength));
        return new(0);
    }

    /// <inheritdoc/>
    public async ValueTask OnMissedAsync()
    {
        foreach (var listener in _byKind.Values)
        {
            await listener.RereadAsync();
        }
    }
}
