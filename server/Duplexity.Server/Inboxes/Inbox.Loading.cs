using Duplexity.Server.Engine;

namespace Duplexity.Server.Inboxes;

/// <summary>How an inbox is read from records and log, and follows the log from then on.</summary>
internal sealed partial class Inbox
{
    /// <summary>Entries of one read.</summary>
    private const int Page = 500;

    /// <summary>Entries that came ahead of others; beyond it something is lost, and the log is read.</summary>
    private const int MostAhead = 256;

    private readonly SortedList<long, LogEntry> _ahead = [];
    private Task? _loading;
    private bool _isLoaded;
    private bool _isBehind;

    private int Retained => DefaultRetention.Headroom(options.Limits.InboxMessages);

    /// <summary>Whether it is read.</summary>
    public bool IsLoaded
    {
        get
        {
            lock (_lock)
            {
                return _isLoaded;
            }
        }
    }

    /// <summary>Completes when it is read, unless too much came meanwhile; reads it where nobody does.</summary>
    public Task LoadedAsync()
    {
        lock (_lock)
        {
            Touch();
            return _isLoaded ? Task.CompletedTask : _loading is { IsFaulted: false } there ? there : _loading = Task.Run(LoadAsync);
        }
    }

    /// <summary>An entry was appended to it.</summary>
    public void OnAppended(LogEntry entry)
    {
        Follow(entry);
        DealAll();
    }

    private void Follow(LogEntry entry)
    {
        lock (_lock)
        {
            var isOld = _isLoaded && entry.Position.Offset <= _unread.Tail.Offset;
            if (isOld && entry.Position.Epoch == _unread.Tail.Epoch)
            {
                return;
            }

            if (_ahead.Count < MostAhead && !isOld)
            {
                _ahead[entry.Position.Offset] = entry;
                FollowUnsynchronized();
            }
            else if (_isLoaded)
            {
                // Too much is missing, or the log has begun anew.
                _isLoaded = false;
                _ahead.Clear();
                _ = LoadedAsync();
            }
            else
            {
                // Whoever reads it now reads it once more.
                _isBehind = true;
            }
        }
    }

    private void FollowUnsynchronized()
    {
        while (_isLoaded && _ahead.Count > 0 && _ahead.GetValueAtIndex(0) is { } next && (next.Before == _unread.Tail || next.Position.Offset <= _unread.Tail.Offset))
        {
            _ahead.RemoveAt(0);
            if (next.Before == _unread.Tail)
            {
                _unread.Add(next);
            }
        }
    }

    private async Task LoadAsync()
    {
        await _following.BeginAsync();
        var isFirst = _readers.Count == 0;
        var written = isFirst ? await engine.Records.ReadAsync(ReaderRecord.Kind, Client) : null;
        var places = isFirst ? ReaderRecord.Read(written) : Snapshot();
        Position? start = null;
        var found = new List<(string Name, Position Place, bool IsKnown, ReaderRecord Record)>();
        foreach (var (name, kept) in places)
        {
            var place = Position.Parse(kept.Place);
            var isKnown = await KnowsAsync(place);
            var at = isKnown ? place : await LastKnownAsync(place);

            // A log that has lost its tail may have other messages there by now.
            var isSettled = isKnown && kept.LastSettled is { } last && await KnowsAsync(Position.Parse(last));
            found.Add((name, at, isKnown, isSettled ? kept : kept with { Settled = null }));
            start = start is null || at.Offset > start.Offset ? at : start;
        }

        var unread = new UnreadMail(start ?? await FirstAsync());
        while (true)
        {
            var page = await engine.Log.ReadAsync(Address, unread.Tail, Page);
            if (!page.Recovered)
            {
                // Retention has overtaken it in the middle.
                unread = new UnreadMail(await FirstAsync());
                continue;
            }

            foreach (var entry in page.Entries)
            {
                unread.Add(entry);
            }

            if (page.End)
            {
                break;
            }
        }

        Settle(unread, found, written);
    }

    private async ValueTask<bool> KnowsAsync(Position place) => (await engine.Log.ReadAsync(Address, place, 1)).Recovered;

    private Dictionary<string, ReaderRecord> Snapshot()
    {
        lock (_lock)
        {
            return _readers.Values.ToDictionary(r => r.Name, ReaderRecord.Of);
        }
    }

    private void Settle(UnreadMail unread, List<(string Name, Position Place, bool IsKnown, ReaderRecord Record)> found, string? written)
    {
        lock (_lock)
        {
            _unread = unread;
            foreach (var (name, place, isKnown, record) in found)
            {
                if (!_readers.TryGetValue(name, out var reader))
                {
                    _readers.Add(name, reader = new InboxReader(name, place) { WasLost = !isKnown, Restarts = record.Restarts + (isKnown ? 0 : 1), Used = DateTimeOffset.FromUnixTimeMilliseconds(record.Used) });
                    if (record is { Settled: { } runs, LastSettled: { } last })
                    {
                        reader.RestoreSettled(runs, Position.Parse(last));
                    }
                }
                else if (!isKnown)
                {
                    reader.Restart(place);
                }
            }

            // Those that moved while it was read.
            foreach (var reader in _readers.Values)
            {
                _unread.Advance(reader.Cursor.Offset > _unread.Start.Offset ? reader.Cursor : _unread.Start);
            }

            (_isLoaded, _loading) = (!_isBehind, null);
            if (_isBehind)
            {
                _isBehind = false;
                _ahead.Clear();
            }

            FollowUnsynchronized();
            if (IsShared && written is not null && _written is null)
            {
                AdoptUnsynchronized(written);
            }
        }

        DealAll();
    }

    /// <summary>The place of the first entry's forerunner: everything that is kept lies behind it.</summary>
    private async ValueTask<Position> FirstAsync()
    {
        var page = await engine.Log.ReadAsync(Address, null, 1);
        return page.Entries.Count == 0 ? page.Top : page.Entries[0].Before;
    }

    /// <summary>
    /// Where a reader goes on whose place the log does not know (G2): behind the last entry that surely is one of those it has acknowledged — the same epoch, an offset not above — or before all that is kept. It may see some again, and misses none that is there.
    /// </summary>
    private async ValueTask<Position> LastKnownAsync(Position lost)
    {
        var known = await FirstAsync();
        Position? since = null;
        while (true)
        {
            var page = await engine.Log.ReadAsync(Address, since, Page);
            foreach (var entry in page.Entries)
            {
                since = entry.Position;
                known = entry.Position.Epoch == lost.Epoch && entry.Position.Offset <= lost.Offset ? entry.Position : known;
            }

            if (page.End)
            {
                return known;
            }
        }
    }
}
