namespace Duplexity.Protocol;

/// <summary>What <see cref="AcquireLockResponse.State"/> and <see cref="LockChangedEvent.State"/> can say.</summary>
public static class LockState
{
    /// <summary>The lock is the asker's.</summary>
    public const string Granted = "granted";

    /// <summary>The asker stands in line for it; the rest comes as an event.</summary>
    public const string Queued = "queued";

    /// <summary>Somebody else has it.</summary>
    public const string Taken = "taken";

    /// <summary>The holder gave it back, or is gone.</summary>
    public const string Released = "released";

    /// <summary>The holder's lease ended.</summary>
    public const string Expired = "expired";

    /// <summary>It was taken from the holder.</summary>
    public const string Broken = "broken";

    /// <summary>The same client took it over from another socket.</summary>
    public const string TakenOver = "taken_over";

    /// <summary>Somebody waits for what the holder has; told when the first one comes.</summary>
    public const string Contended = "contended";

    /// <summary>It was waited for long enough: the asker is not in line any more.</summary>
    public const string GaveUp = "gave_up";
}
