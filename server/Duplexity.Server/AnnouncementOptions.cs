namespace Duplexity.Server;

/// <summary>Bounds of what the steps announce: <c>Duplexity:Announcements</c>. All are per node.</summary>
public sealed class AnnouncementOptions
{
    /// <summary>Announcements that wait for one service; then the oldest are left out. Defaults to 10,000: some seconds of a busy node.</summary>
    public int Queue { get; set; } = 10_000;

    /// <summary>Bytes of announcements that wait for one service, the messages in them included; then the oldest are left out. Defaults to 16 MiB: 10,000 of the usual size, or 250 messages of the largest.</summary>
    public long QueueBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>Announcements of one channel that a service gets in a second; what is over is counted. Defaults to 1,000.</summary>
    public int PerSecond { get; set; } = 1_000;

    /// <summary>Messages whose traces are kept, newest ones. Defaults to 1,000.</summary>
    public int Traces { get; set; } = 1_000;
}
