using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>
/// Who is in a channel as one watcher knows it: a snapshot, and the changes that follow it by their versions (G23). Not thread-safe: one reader folds into it.
/// </summary>
internal sealed class PresenceView
{
    private SortedDictionary<string, SortedSet<string>> _members = new(StringComparer.Ordinal);

    /// <summary>The version that is known; null before the first snapshot.</summary>
    public long? Version { get; private set; }

    /// <summary>Takes a change that follows. False: it does not, and all must be asked for; with <paramref name="change"/> null where it says nothing new.</summary>
    public bool TryApply(PresenceChangedEvent told, out PresenceChange? change)
    {
        change = null;
        if (Version is not { } known)
        {
            return false;
        }

        if (told.Through <= known)
        {
            return true;
        }

        if (told.After is null || told.After > known)
        {
            return false;
        }

        var before = Clients();
        var joined = new List<Member>();
        foreach (var member in told.Joined ?? [])
        {
            string[] added = [.. member.Sockets.Where(s => Add(member.Client, s))];
            if (added.Length > 0)
            {
                joined.Add(member with { Sockets = added });
            }
        }

        Departure[] left = [.. (told.Left ?? []).Where(d => Remove(d.Client, d.Socket))];
        Version = told.Through;
        change = joined.Count == 0 && left.Length == 0 ? null : Change(before, joined, left, isAsked: false);
        return true;
    }

    /// <summary>Takes a snapshot; what it changes, null where it says nothing new. <paramref name="isAnew"/>: versions of before mean nothing.</summary>
    public PresenceChange? Replace(long version, IReadOnlyList<Member> members, bool isAnew = false)
    {
        var isFirst = Version is null;
        if (version < Version && !isAnew)
        {
            // A change that came meanwhile leads further.
            return null;
        }

        var before = Clients();
        var old = _members;
        _members = new(StringComparer.Ordinal);
        Version = version;
        var joined = new List<Member>();
        foreach (var member in members)
        {
            string[] added = [.. member.Sockets.Where(s => Add(member.Client, s) && !(old.TryGetValue(member.Client, out var known) && known.Contains(s)))];
            if (added.Length > 0)
            {
                joined.Add(member with { Sockets = added });
            }
        }

        Departure[] left = [.. old.SelectMany(m => m.Value.Where(s => !(_members.TryGetValue(m.Key, out var now) && now.Contains(s))).Select(s => new Departure { Client = m.Key, Socket = s }))];
        return isFirst || joined.Count > 0 || left.Length > 0 ? Change(before, joined, left, isAsked: true) : null;
    }

    /// <summary>What is known.</summary>
    public Presence Now() => new(Version ?? 0, [.. _members.Select(m => new Member { Client = m.Key, Sockets = [.. m.Value] })]);

    private PresenceChange Change(HashSet<string> before, IReadOnlyList<Member> joined, IReadOnlyList<Departure> left, bool isAsked) =>
        new(Now(), joined, left, [.. _members.Keys.Where(c => !before.Contains(c))], [.. before.Where(c => !_members.ContainsKey(c)).Order(StringComparer.Ordinal)], isAsked);

    private HashSet<string> Clients() => [.. _members.Keys];

    private bool Add(string client, string socket)
    {
        if (!_members.TryGetValue(client, out var sockets))
        {
            _members[client] = sockets = new(StringComparer.Ordinal);
        }

        return sockets.Add(socket);
    }

    private bool Remove(string client, string socket)
    {
        if (!_members.TryGetValue(client, out var sockets) || !sockets.Remove(socket))
        {
            return false;
        }

        if (sockets.Count == 0)
        {
            _members.Remove(client);
        }

        return true;
    }
}
