using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>Looks again whether domains are still proven: those of this node's pipes, and reserved ones. A pipe without its proof is closed (G7).</summary>
internal sealed class DomainWatch(
    BackendRegistry backend, NameBook book, DomainProofs proofs, PublicPipes pipes, Node node, TimeProvider time, IOptions<DuplexityOptions> options, ILogger<DomainWatch> logger) : IHostedService, IDisposable
{
    /// <summary>How often it is looked what is due, in one time that a proof is good for.</summary>
    private const int Looks = 24;

    private readonly CancellationTokenSource _stop = new();
    private ITimer? _timer;
    private int _looking;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var interval = options.Value.Times.Proof / Looks;
        _timer = time.CreateTimer(_ => _ = TryLookAsync(), null, interval, interval);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken) => await _stop.CancelAsync();

    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Dispose();
    }

    /// <summary>Looks at what is due, and closes what has lost its proof.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        foreach (var reserved in book.List(null).Where(n => n.FreeAt is null && proofs.IsForeign(n.Name) && !proofs.IsGiven(n.Owner, n.Name)))
        {
            await proofs.CheckAsync(reserved.Owner, reserved.Name, isClaim: false, ct);
        }

        foreach (var entry in (await backend.ListAsync(null, ct)).Where(e => e.Node == node.Name && proofs.IsForeign(e.Name) && !proofs.IsGiven(e.Client, e.Name)))
        {
            var domain = Engine.NameTree.RootOf(entry.Name);
            if (await proofs.CheckAsync(entry.Client, domain, isClaim: false, ct) is { IsProven: false })
            {
                Log.ProofLost(logger, entry.Name, VisibleText.Of(entry.Client, VisibleText.LogLength));
                await pipes.CloseAsync(entry.Name, owner => owner == entry.Client, DomainProofs.Lost(entry.Name), "the service", null, ct);
            }
        }
    }

    private async Task TryLookAsync()
    {
        if (Interlocked.Exchange(ref _looking, 1) == 1)
        {
            return;
        }

        try
        {
            await LookAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (Exception e)
        {
            // The next look is soon, and what was proven stays so until then.
            Log.DomainsNotChecked(logger, e);
        }
        finally
        {
            Volatile.Write(ref _looking, 0);
        }
    }
}
