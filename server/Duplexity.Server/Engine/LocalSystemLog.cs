namespace Duplexity.Server.Engine;

/// <summary>The system log of a node that is alone: what it tells it does itself, at once.</summary>
internal sealed class LocalSystemLog : ISystemLog
{
    private ISystemHandler? _handler;

    /// <inheritdoc/>
    public void Attach(ISystemHandler handler)
    {
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
        {
            throw new InvalidOperationException("The system log has its handler already; one engine serves one node.");
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Told> TellAsync(string kind, string text, TimeSpan? patience, CancellationToken ct = default) =>
        new(_handler is { } handler ? await handler.OnToldAsync(kind, text) : 0, 0);
}
