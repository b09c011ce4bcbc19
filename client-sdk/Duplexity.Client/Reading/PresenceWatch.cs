using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>
/// One enumeration of who comes and goes. What the link tells waits here, bounded: a full line drops what comes, and the version shows it, so that all is asked for again. Thread-safe.
/// </summary>
internal sealed class PresenceWatch(Func<CancellationToken, Task<PresenceResponse>> ask)
{
    // Events of four seconds at the server's pace; a reader that is slower is better served with one snapshot.
    private const int Most = 16;

    private readonly Channel<(int Join, PresenceChangedEvent? Told)> _told =
        Channel.CreateBounded<(int, PresenceChangedEvent?)>(new BoundedChannelOptions(Most) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly PresenceView _view = new();
    private int _join;
    private volatile bool _isOverrun;

    /// <summary>Called from the link's loop.</summary>
    public void Tell(PresenceChangedEvent told)
    {
        _isOverrun |= _told.Reader.Count >= Most;
        _told.Writer.TryWrite((Volatile.Read(ref _join), told));
    }

    /// <summary>The channel was joined, perhaps anew, perhaps at a server that began anew: what was known before, and what waits still, may be old.</summary>
    public void Joined() => _told.Writer.TryWrite((Interlocked.Increment(ref _join), null));

    /// <summary>Nothing comes any more.</summary>
    public void End(Exception? fault) => _told.Writer.TryComplete(fault);

    /// <summary>The steps, the first one with all who are there.</summary>
    public async IAsyncEnumerable<PresenceChange> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var known = 0;
        while (await _told.Reader.WaitToReadAsync(ct).ConfigureAwait(false))
        {
            while (_told.Reader.TryRead(out var item))
            {
                if (item.Join < Volatile.Read(ref _join))
                {
                    continue;
                }

                PresenceChange? change = null;
                if (item.Told is null || known != item.Join || _isOverrun || !_view.TryApply(item.Told, out change))
                {
                    _isOverrun = false;
                    var all = await ask(ct).ConfigureAwait(false);
                    change = _view.Replace(all.Version ?? 0, all.Members ?? [], isAnew: known != item.Join);
                    known = item.Join;
                }

                if (change is not null)
                {
                    yield return change;
                }
            }
        }
    }
}
