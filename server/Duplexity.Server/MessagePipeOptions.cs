namespace Duplexity.Server;

/// <summary>Bounds of the message pipes that clients configure: <c>Duplexity:MessagePipes</c>. What works at once is per node; all pipes of one client are run by one node.</summary>
public sealed class MessagePipeOptions
{
    /// <summary>Pipes of one client. Defaults to 100.</summary>
    public int PerClient { get; set; } = 100;

    /// <summary>Bytes of all pipes of one client as they are written down, with those of their changes that they have not come to. Defaults to 1 MiB: they are one record, which is written anew with each change.</summary>
    public int Bytes { get; set; } = 1024 * 1024;

    /// <summary>Destinations of one pipe. Defaults to 20: what goes to more is a room.</summary>
    public int Destinations { get; set; } = 20;

    /// <summary>Pipes that one message may pass, one behind the other. Defaults to 8: what is longer is a circle that nobody drew on purpose.</summary>
    public int Hops { get; set; } = 8;

    /// <summary>Appends that all pipes together make of one message, however they branch. Defaults to 1,000: a hop limit alone would allow ten to the power of eight.</summary>
    public int AppendsPerMessage { get; set; } = 1_000;

    /// <summary>Pipes that work at the same moment; others wait their turn, a page of messages each. Defaults to 16: enough for a disk, and senders always find a thread.</summary>
    public int AtOnce { get; set; } = 16;

    /// <summary>Tries of a message at the destinations whose gates could not judge just now; then it is a dead letter there. Defaults to 10: with the growing <see cref="Pause"/> between them some minutes, which is a gate's restart.</summary>
    public int Attempts { get; set; } = 10;

    /// <summary>How long a pipe waits that cannot go on: its engine or a gate is away. Defaults to 1 s. For a gate it doubles with every try, up to 30 s.</summary>
    public TimeSpan Pause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often places are written down, and stopped pipes look whether they may go on. Defaults to 5 s: what a crash may make a pipe look at again.</summary>
    public TimeSpan Sweep { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a knuckle may take for one message. Defaults to 5 s, as gates.</summary>
    public TimeSpan Knuckle { get; set; } = TimeSpan.FromSeconds(5);
}
