using System.Runtime.InteropServices;
using Duplexity.Server;
using Duplexity.Server.Tunnels;

namespace Duplexity.Host;

/// <summary>SIGTERM and Ctrl+C: the node is emptied first, and then the process stops, with the exit code 0. A second signal stops it at once.</summary>
internal sealed class DrainingLifetime(IServiceProvider services, IHostApplicationLifetime lifetime) : IHostLifetime, IDisposable
{
    private PosixSignalRegistration[] _signals = [];
    private int _signalled;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _signals = [.. ((PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT]).Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Exchange(ref _signalled, 1) == 0 && lifetime.ApplicationStarted.IsCancellationRequested)
        {
            _ = StopAsync();
        }
        else
        {
            lifetime.StopApplication();
        }
    }

    private async Task StopAsync()
    {
        try
        {
            await (services.GetService<FrontDraining>() is { } front ? front.RunAsync(lifetime.ApplicationStopping) : services.GetRequiredService<IDuplexity>().DrainAsync(lifetime.ApplicationStopping));
        }
        finally
        {
            lifetime.StopApplication();
        }
    }
}
