using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// The names of all keys and pub/sub channels. They begin with the prefix and the version of what lies under them: a program that lays it out otherwise takes the next version, and neither reads what it does not understand.
/// </summary>
internal sealed class RedisKeys(string prefix)
{
    private readonly string _root = $"{prefix}:1:";

    /// <summary>The nodes by the end of their lease (sorted set).</summary>
    public RedisKey Nodes => _root + "nodes";

    /// <summary>Dead nodes whose belongings are being removed (sorted set).</summary>
    public RedisKey Buried => _root + "buried";

    /// <summary>When a node was last heard, in which life of the store, and until when nobody is buried (hash).</summary>
    public RedisKey Watch => _root + "watch";

    /// <summary>How many channels were begun (counter): what tells two channels of one name apart.</summary>
    public RedisKey Births => _root + "births";

    /// <summary>The nodes that hear of every channel (set).</summary>
    public RedisKey Everything => _root + "followers";

    /// <summary>The last generation (counter).</summary>
    public RedisKey Generation => _root + "generation";

    /// <summary>The registrations of public pipes by their name (hash).</summary>
    public RedisKey Pipes => _root + "registrations";

    /// <summary>Who has left which public name a moment ago (hash).</summary>
    public RedisKey LeftPipes => _root + "pipes-left";

    /// <summary>Left public names by when another owner may serve them (sorted set).</summary>
    public RedisKey LeftPipesUntil => _root + "pipes-left-until";

    /// <summary>The last fencing token (counter).</summary>
    public RedisKey Token => _root + "lock-token";

    /// <summary>Locks by when something about them ends next (sorted set).</summary>
    public RedisKey LocksDue => _root + "locks-due";

    /// <summary>What happened to locks (stream).</summary>
    public RedisKey LockEvents => _root + "lock-events";

    /// <summary>What versions of presence go on from in channels that were forgotten (counter).</summary>
    public RedisKey PresenceFloor => _root + "presence-floor";

    /// <summary>Channels that nobody is in, by since when (sorted set).</summary>
    public RedisKey PresenceEmptied => _root + "presence-emptied";

    /// <summary>The kinds of records that there are (set).</summary>
    public RedisKey RecordKinds => _root + "record-kinds";

    /// <summary>What was told to all nodes (stream).</summary>
    public RedisKey System => _root + "system";

    /// <summary>The number of what was told last (counter).</summary>
    public RedisKey SystemNumber => _root + "system-number";

    /// <summary>What the key of each node's place in it begins with.</summary>
    public string SystemPlaces => _root + "system-place:";

    /// <summary>What a node's pub/sub channel begins with; its id follows.</summary>
    public string Topic => _root + "node:";

    /// <summary>What the key of each lock begins with.</summary>
    public string Locks => _root + "lock:";

    /// <summary>What the key of each line of waiters begins with.</summary>
    public string Lines => _root + "line:";

    /// <summary>What the key of each client's places (locks that it holds or waits for) begins with.</summary>
    public string LockPlaces => _root + "lock-places:";

    /// <summary>What the key of each socket's places begins with.</summary>
    public string SocketPlaces => _root + "socket-places:";

    /// <summary>What the key of each session's receipts begins with.</summary>
    public string SessionReceipts => _root + "receipts:";

    /// <summary>What the key of each channel's top begins with.</summary>
    public string AllTops => _root + "top:";

    /// <summary>What the key of each channel's followers begins with.</summary>
    public string AllFollowers => _root + "followers:";

    /// <summary>What the key of each channel's presence begins with.</summary>
    public string AllPresence => _root + "presence:";

    /// <summary>What the key of each channel's presence version begins with.</summary>
    public string AllPresenceVersions => _root + "presence-version:";

    /// <summary>What the keys of each client's pipe names begin with.</summary>
    public string AllPipesOf => _root + "pipes-of:";

    /// <summary>What the keys of the pipes below each name (set) begin with.</summary>
    public string AllPipesBelow => _root + "pipes-below:";

    /// <summary>What the keys of records begin with.</summary>
    public string AllRecords => _root + "records:";

    /// <summary>What the keys of records' expiries begin with.</summary>
    public string AllRecordExpiries => _root + "record-expiries:";

    /// <summary>What the keys of what a node has begin with.</summary>
    public string Belongings => _root + "of:";

    /// <summary>The entries of a channel (stream).</summary>
    public RedisKey Log(Address channel) => $"{_root}log:{channel}";

    /// <summary>The top of a channel, and what is kept of it (hash).</summary>
    public RedisKey Top(Address channel) => $"{AllTops}{channel}";

    /// <summary>The nodes that follow a channel (set).</summary>
    public RedisKey Followers(Address channel) => $"{AllFollowers}{channel}";

    /// <summary>The highest fencing tokens that a channel has accepted, by lock (sorted set).</summary>
    public RedisKey Fences(Address channel) => $"{_root}fences:{channel}";

    /// <summary>Those locks by their last use.</summary>
    public RedisKey FencesShown(Address channel) => $"{_root}fences-shown:{channel}";

    /// <summary>The source places that a channel has taken, by edge (hash).</summary>
    public RedisKey Sources(Address channel) => $"{_root}sources:{channel}";

    /// <summary>Those edges by their last use.</summary>
    public RedisKey SourcesShown(Address channel) => $"{_root}sources-shown:{channel}";

    /// <summary>Who is in a channel: client and socket → node (hash).</summary>
    public RedisKey Presence(Address channel) => $"{AllPresence}{channel}";

    /// <summary>The version of a channel's presence, and the life of the store that it is of (hash).</summary>
    public RedisKey PresenceVersion(Address channel) => $"{AllPresenceVersions}{channel}";

    /// <summary>The receipts of a client's session, newest first (list). Clients have no line break in their names.</summary>
    public RedisKey Receipts(string client, string session) => $"{SessionReceipts}{client}\n{session}";

    /// <summary>A client's sessions by their last use (sorted set).</summary>
    public RedisKey Sessions(string client) => $"{_root}sessions:{client}";

    /// <summary>The receipts of keys that a client chose (hash).</summary>
    public RedisKey Keyed(string client) => $"{_root}keyed:{client}";

    /// <summary>Those keys in the order of their first use (list).</summary>
    public RedisKey KeyedOrder(string client) => $"{_root}keyed-order:{client}";

    /// <summary>The names of a client's public pipes (set).</summary>
    public RedisKey PipesOf(string client) => $"{AllPipesOf}{client}";

    /// <summary>A one-time secret.</summary>
    public RedisKey Secret(string key) => $"{_root}vault:{key}";

    /// <summary>The records of a kind (hash).</summary>
    public RedisKey Records(string kind) => $"{AllRecords}{kind}";

    /// <summary>Records of a kind that expire, by when (sorted set).</summary>
    public RedisKey RecordExpiries(string kind) => $"{AllRecordExpiries}{kind}";

    /// <summary>What a node has, of one sort: presence, pipes, follows, waits (set).</summary>
    public RedisKey Of(string node, string what) => $"{Belongings}{node}:{what}";

    /// <summary>Which nodes have done what was told under a number, and how much it hit there (hash).</summary>
    public RedisKey SystemDone(long number) => $"{_root}system-done:{number}";

    /// <summary>Up to which number a node knows what was told without having done it (number): it has read everything again.</summary>
    public RedisKey SystemPlace(string node) => $"{SystemPlaces}{node}";

    /// <summary>What the lock scripts are given as keys.</summary>
    public RedisKey[] OfLocks => [LocksDue, Token, LockEvents, Nodes];

    /// <summary>What the lock scripts are given first, after the time.</summary>
    public RedisValue[] LockArguments(string node) => [node, Topic, Locks, Lines, LockPlaces, SocketPlaces, Belongings];
}
