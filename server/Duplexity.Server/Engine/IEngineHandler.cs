namespace Duplexity.Server.Engine;

/// <summary>The one door by which an engine hands out what arrives: the node implements it, every engine delivers through it, memory included.</summary>
internal interface IEngineHandler
{
    /// <summary>Whether it is to hear of every channel, and not only of those that this node follows (<see cref="IMessageLog.FollowAsync"/>).</summary>
    bool HearsAll => true;

    /// <summary>An entry was appended, on this node or another. Must not block or throw; called from any thread, entries of a channel not always in order.</summary>
    void OnAppended(LogEntry entry);

    /// <summary>A channel's presence changed, on this node or another. As above; by the version a receiver sees what it was not told. Of no use to a receiver that has no listeners.</summary>
    void OnPresenceChanged(PresenceChange change)
    {
    }

    /// <summary>Changes of a followed channel's presence were not told: whoever needs them reads the set.</summary>
    void OnPresenceMissed(Address channel)
    {
    }

    /// <summary>Another node has changed something beside the entries of a followed channel (<see cref="IMessageLog.HintAsync"/>): whoever keeps a copy of it looks again. Hints are lost at times.</summary>
    void OnHinted(Address channel)
    {
    }
}
