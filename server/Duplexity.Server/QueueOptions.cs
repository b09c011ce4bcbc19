namespace Duplexity.Server;

/// <summary>Requests that public pipes with <c>offline: queue</c> keep while their client is away.</summary>
public sealed class QueueOptions
{
    /// <summary>The largest body that is kept, in bytes; a larger one is answered 413. Defaults to 1 MiB: senders of webhooks stay far below (G24).</summary>
    public int BodyBytes { get; set; } = 1024 * 1024;

    /// <summary>Requests that wait for one pipe; one more is answered 507. Defaults to 10,000, as an inbox.</summary>
    public int Requests { get; set; } = 10_000;

    /// <summary>Bytes of requests that wait for all pipes of one client, as they are stored; then 507. Defaults to 100 MiB (G24).</summary>
    public long BytesPerOwner { get; set; } = 100 * 1024 * 1024;

    /// <summary>Pipes of one client that keep requests. Defaults to 20: their names stay taken while nobody serves them.</summary>
    public int QueuesPerOwner { get; set; } = 20;

    /// <summary>Bodies that a node reads at once in order to keep them, a quarter of them for one client's pipes; one more is answered 503. Defaults to 256: 256 MB at worst.</summary>
    public int BodiesAtOnce { get; set; } = 256;

    /// <summary>How long a request is kept, whether it waits or was given up. Defaults to 3 days: for so long senders such as Stripe try again by themselves.</summary>
    public TimeSpan Keep { get; set; } = TimeSpan.FromDays(3);

    /// <summary>How long a name with a queue stays its client's while nobody serves it. Defaults to 30 days, as a sign-in that is not used.</summary>
    public TimeSpan Name { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long the resource may take for the whole answer to a replayed request. Defaults to 30 s: longer than any sender of webhooks would have waited.</summary>
    public TimeSpan Answer { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a request is sent that is answered by 500 or more, or not at all, before it is given up. Defaults to 5: with the pauses half a minute, for which those behind it wait.</summary>
    public int Attempts { get; set; } = 5;

    /// <summary>The pause before it is sent again; each further one is twice as long. Also how long a resource is left alone that could not be reached, which counts as no attempt. Defaults to 2 s.</summary>
    public TimeSpan Again { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest pause. Defaults to 1 min.</summary>
    public TimeSpan AgainMost { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often the node of a pipe's client looks whether another node has kept something. Defaults to 2 s; what its own visitors leave it sees at once.</summary>
    public TimeSpan Look { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Requests of one pipe that were given up and can still be replayed by hand, oldest out first. Defaults to 100.</summary>
    public int Dead { get; set; } = 100;
}
