using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>Channels on disk: their tops, their entries, and what leaves of them. For the writer alone, within its transaction.</summary>
internal sealed class SqliteChannels(SqliteConnection connection, SqliteMarks marks, IRetention retention, TimeSpan keepMarks, string incarnation, LogClock clock)
{
    /// <summary>Channels remembered between batches; any other is read again.</summary>
    private const int ChannelsInMemory = 10_000;

    /// <summary>Entries deleted together: each deletion alone would cost as much as an append.</summary>
    private const int Together = 64;

    /// <summary>Rows that one step of a sweep deletes at most, so that no append waits long behind it.</summary>
    private const int Step = 500;

    private readonly Recent<Address, SqliteChannel> _channels = new(ChannelsInMemory);
    private readonly HashSet<SqliteChannel> _changed = [];
    private readonly SqliteStatement _channel = new(connection, "SELECT id, top, epoch, first, bytes, appended FROM channels WHERE address = $0");
    private readonly SqliteStatement _addChannel = new(
        connection, "INSERT INTO channels (address, top, epoch, first, bytes, appended, due) VALUES ($0, 0, '', 1, 0, $1, $2) RETURNING id");

    private readonly SqliteStatement _changeChannel = new(connection, "UPDATE channels SET top = $1, epoch = $2, first = $3, bytes = $4, appended = $5 WHERE id = $0");
    private readonly SqliteStatement _addMessage = new(connection, "INSERT INTO messages (copies, body, places) VALUES ($0, $1, $2) RETURNING id");
    private readonly SqliteStatement _addEntry = new(
        connection, "INSERT INTO entries (channel, offset, epoch, before, message, nth, size, appended) VALUES ($0, $1, $2, $3, $4, $5, $6, $7)");

    private readonly SqliteStatement _firsts = new(connection, "SELECT size, appended FROM entries WHERE channel = $0 AND offset >= $1 ORDER BY offset LIMIT $2");
    private readonly SqliteStatement _leaving = new(connection, "SELECT offset, message FROM entries WHERE channel = $0 AND offset < $1 ORDER BY offset LIMIT $2");
    private readonly SqliteStatement _dropEntries = new(connection, "DELETE FROM entries WHERE channel = $0 AND offset <= $1");
    private readonly SqliteStatement _dropCopy = new(connection, "DELETE FROM messages WHERE id = $0 AND copies = 1");
    private readonly SqliteStatement _dropOneOfCopies = new(connection, "UPDATE messages SET copies = copies - 1 WHERE id = $0");
    private readonly SqliteStatement _dueChannels = new(connection, "SELECT address FROM channels WHERE due <= $0 ORDER BY due LIMIT $1");
    private readonly SqliteStatement _nextDue = new(connection, "UPDATE channels SET due = $1 WHERE id = $0");
    private readonly SqliteStatement _forget = new(connection, "DELETE FROM channels WHERE id = $0");

    private long _forgotten;

    private string Epoch => _forgotten == 0 ? incarnation : $"{incarnation}-{_forgotten}";

    private long NowMs => (long)clock.Now.TotalMilliseconds;

    /// <summary>The channel; null where it has never had an entry.</summary>
    public SqliteChannel? Find(Address address)
    {
        if (_channels.TryGet(address, out var known))
        {
            return known;
        }

        using var rows = _channel.Read(address.ToString());
        if (!rows.Read())
        {
            return null;
        }

        var top = new Position(rows.GetInt64(1), rows.GetString(2));

        // Of this process already: a channel that was forgotten and came again has an epoch of its own, which it keeps (G2).
        var epoch = top.Epoch.StartsWith(incarnation, StringComparison.Ordinal) ? top.Epoch : incarnation;
        var channel = new SqliteChannel(rows.GetInt64(0), address, epoch, retention.Of(address))
        {
            Top = top,
            First = rows.GetInt64(3),
            Bytes = rows.GetInt64(4),
            Appended = rows.GetInt64(5),
        };
        _channels.Set(address, channel);
        return channel;
    }

    public SqliteChannel FindOrAdd(Address address)
    {
        if (Find(address) is { } there)
        {
            return there;
        }

        var kept = retention.Of(address);
        var now = NowMs;
        var id = (long)_addChannel.Scalar(address.ToString(), now, now + (long)kept.Age.TotalMilliseconds)!;
        var channel = new SqliteChannel(id, address, Epoch, kept) { First = 1, Appended = now };
        _channels.Set(address, channel);
        return channel;
    }

    /// <summary>Stores what all copies share; its id.</summary>
    public long AddMessage(int copies, byte[] body, byte[]? places) => (long)_addMessage.Scalar((long)copies, body, places)!;

    /// <summary>Adds the entry at <see cref="SqliteChannel.Next"/>; what the bounds no longer hold leaves.</summary>
    public void Append(SqliteChannel channel, long message, int nth, int size)
    {
        var now = NowMs;
        DropOld(channel, now, int.MaxValue);
        var before = channel.Top;
        var place = channel.Next;
        _addEntry.Run(channel.Id, place.Offset, place.Epoch, before.Epoch == place.Epoch ? null : before.Epoch, message, (long)nth, (long)size, now);
        channel.Top = place;
        channel.Appended = now;
        channel.Bytes += size;
        while (channel.Count > channel.Retention.Most || (channel.Bytes > channel.Retention.Bytes && channel.Count > 1))
        {
            DropFirst(channel);
        }

        _changed.Add(channel);
    }

    public void Remove(Address address)
    {
        if (Find(address) is { } channel)
        {
            channel.First = channel.Top.Offset + 1;
            Delete(channel, int.MaxValue);
            Forget(channel);
        }
    }

    /// <summary>Writes what the batch changed; before every commit.</summary>
    public void Flush()
    {
        foreach (var channel in _changed)
        {
            if (channel.Leaving >= Math.Min(Together, channel.Retention.Most))
            {
                Delete(channel, Step);
            }

            _changeChannel.Run(channel.Id, channel.Top.Offset, channel.Top.Epoch, channel.First, channel.Bytes, channel.Appended);
        }

        _changed.Clear();
    }

    /// <summary>Lets go of some of what is too old; whether there is more, and the channels that are forgotten.</summary>
    public bool Sweep(List<Address> forgotten)
    {
        var now = NowMs;
        List<Address> due = [];
        using (var rows = _dueChannels.Read(now, (long)Together))
        {
            while (rows.Read())
            {
                due.Add(Address.Parse(rows.GetString(0)));
            }
        }

        var left = Step;
        foreach (var channel in due.Select(a => Find(a)!))
        {
            DropOld(channel, now, left);
            _changed.Add(channel);
            left -= Delete(channel, left);
            if (left <= 0)
            {
                return true;
            }

            if (NextDue(channel, now) is { } next)
            {
                _nextDue.Run(channel.Id, Math.Max(next, now + 1));
            }
            else
            {
                Forget(channel);
                forgotten.Add(channel.Address);
            }
        }

        return due.Count == Together;
    }

    /// <summary>When the sweep has to look at a channel again; null: nothing is left that anybody could miss.</summary>
    private long? NextDue(SqliteChannel channel, long now)
    {
        var age = (long)channel.Retention.Age.TotalMilliseconds;
        if (channel.Count > 0)
        {
            return FirstOf(channel).Appended + age;
        }

        // The top stays for as long again, so that a reader who was away for the whole retention is still told that something is gone.
        var end = channel.Appended + (2 * age);
        if (marks.Any(channel.Id))
        {
            end = Math.Max(end, channel.Appended + (long)keepMarks.TotalMilliseconds);
        }

        return end < now ? null : end;
    }

    private void Forget(SqliteChannel channel)
    {
        _changed.Remove(channel);
        _channels.Remove(channel.Address);
        marks.Forget(channel.Id);
        _forget.Run(channel.Id);

        // Should the name ever be used again, its offsets start at 1 again: under another epoch, so that no place names two messages (G2).
        _forgotten++;
    }

    private void DropOld(SqliteChannel channel, long now, int most)
    {
        var oldest = now - (long)channel.Retention.Age.TotalMilliseconds;
        while (most-- > 0 && channel.Count > 0 && FirstOf(channel).Appended < oldest)
        {
            DropFirst(channel);
        }
    }

    private void DropFirst(SqliteChannel channel)
    {
        channel.Bytes -= FirstOf(channel).Size;
        channel.Firsts.Dequeue();
        channel.First++;
        channel.Leaving++;
    }

    private (int Size, long Appended) FirstOf(SqliteChannel channel)
    {
        if (channel.Firsts.Count == 0)
        {
            using var rows = _firsts.Read(channel.Id, channel.First, (long)Together);
            while (rows.Read())
            {
                channel.Firsts.Enqueue((rows.GetInt32(0), rows.GetInt64(1)));
            }
        }

        return channel.Firsts.Peek();
    }

    /// <summary>Deletes at most so many entries that have left; how many.</summary>
    private int Delete(SqliteChannel channel, int most)
    {
        List<(long Offset, long Message)> leaving = [];
        using (var rows = _leaving.Read(channel.Id, channel.First, (long)most))
        {
            while (rows.Read())
            {
                leaving.Add((rows.GetInt64(0), rows.GetInt64(1)));
            }
        }

        foreach (var (_, message) in leaving)
        {
            if (_dropCopy.Run(message) == 0)
            {
                _dropOneOfCopies.Run(message);
            }
        }

        if (leaving.Count > 0)
        {
            _dropEntries.Run(channel.Id, leaving[^1].Offset);
        }

        channel.Leaving = Math.Max(0, channel.Leaving - leaving.Count);
        return leaving.Count;
    }
}

/// <summary>One channel as the writer has it.</summary>
internal sealed class SqliteChannel(long id, Address address, string epoch, Retention retention)
{
    public long Id { get; } = id;

    public Address Address { get; } = address;

    public Retention Retention { get; } = retention;

    public Position Top { get; set; } = Position.Start;

    /// <summary>The offset of the first entry that is kept; behind the top where none is.</summary>
    public long First { get; set; }

    public long Bytes { get; set; }

    /// <summary>When the last entry came, in milliseconds of the log's clock.</summary>
    public long Appended { get; set; }

    /// <summary>How many entries before the first one may still be in the file.</summary>
    public int Leaving { get; set; }

    /// <summary>Size and time of the first entries, as far as they were read.</summary>
    public Queue<(int Size, long Appended)> Firsts { get; } = new();

    public long Count => Top.Offset - First + 1;

    /// <summary>The place of the next entry.</summary>
    public Position Next => new(Top.Offset + 1, epoch);
}
