using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Channels;

/// <summary>Opens the one door: names the channels as the receiver of all that the engine brings, before anything is served.</summary>
internal sealed class EngineAttachment(IEngine engine, ChannelIndex channels) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        engine.Attach(channels);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
