using System.Threading.Channels;

namespace Duplexity.Watching;

/// <summary>A watch as far as the connection knows it: by its id, and with the client whose right it is.</summary>
internal interface IFeed
{
    string Client { get; }

    /// <summary>The client may watch no longer: the reader is told why.</summary>
    void Fail(DuplexityException reason);
}

/// <summary>
/// The changes of one watch that wait to be read. Bounded; when it is full it is over, and the reader begins anew with the present state: whoever is too slow for changes loses steps, never the
/// state. Thread-safe, for one reader.
/// </summary>
internal sealed class Feed<TChange>(string client) : IFeed
{
    /// <summary>More than an event brings (100), and a few seconds of a busy client's changes.</summary>
    public const int Capacity = 256;

    private readonly Channel<TChange> _changes = Channel.CreateBounded<TChange>(Capacity);

    public string Client => client;

    public void Add(IEnumerable<TChange> changes)
    {
        foreach (var change in changes)
        {
            if (!_changes.Writer.TryWrite(change))
            {
                _changes.Writer.TryComplete();
                return;
            }
        }
    }

    public void Fail(DuplexityException reason) => _changes.Writer.TryComplete(reason);

    public bool TryRead([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TChange change) => _changes.Reader.TryRead(out change);

    /// <summary>True when there is something to read; false when the watch must begin anew: it was too slow, or <paramref name="lost"/>.</summary>
    /// <exception cref="DuplexityException">The client may watch no longer.</exception>
    public async ValueTask<bool> WaitAsync(Task lost, CancellationToken ct)
    {
        var more = _changes.Reader.WaitToReadAsync(ct).AsTask();
        return await Task.WhenAny(more, lost).ConfigureAwait(false) == more && await more.ConfigureAwait(false);
    }
}
