namespace Duplexity.Protocol;

/// <summary>What <see cref="LockspaceMemberEvent.Change"/> and <see cref="HeldChangedEvent.Change"/> can say.</summary>
public static class MemberChange
{
    /// <summary>It came in.</summary>
    public const string Entered = "entered";

    /// <summary>It went out, or is gone.</summary>
    public const string Left = "left";

    /// <summary>It is admitted to come and go.</summary>
    public const string Admitted = "admitted";

    /// <summary>It was let out this once.</summary>
    public const string Released = "released";

    /// <summary>It was moved to another lockspace.</summary>
    public const string Moved = "moved";
}
