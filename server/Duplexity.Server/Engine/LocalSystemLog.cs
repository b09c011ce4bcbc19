namespace Duplexity.Server.Engine;

/// <summary>The system log of a node that is alone: what it tells it does itself, at once.</summary>
internal sealed class LocalSystemLog : ISystemLog
{
    private ISystemHandler? _handler;
    private long _awaited;

    /// <inheritdoc/>
    public long Awaited => Interlocked.Read(ref _awaited);

    /// <inheritdoc/>
    public long Unconfirmed => 0;

    /// <inheritdoc/>
    public void Attach(ISystemHandler handler)
    {
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
        {
            throw new InvalidOperationException("The system log has its handler already; one engine serves one node.");
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Told> TellAsync(string kind, string text, TimeSpan? patience, CancellationToken ct = default)
    {
        if (patience != TimeSpan.Zero)
        {
            Interlocked.Increment(ref _awaited);
        }

        return new(_handler is { } handler ? await handler.OnToldAsync(kind, text) : 0, 0);
    }
}
