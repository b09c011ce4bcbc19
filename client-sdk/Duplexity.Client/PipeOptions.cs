using Duplexity.Protocol;

namespace Duplexity;

/// <summary>How a public pipe behaves.</summary>
public sealed record PipeOptions
{
    /// <summary>The Host header that the resource sees: <c>keep</c> (null, the default: the visitor's), <c>resource</c> (the resource's own), or any name.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Whether <see cref="Pipe.Exchanges"/> tells of each visitor request.</summary>
    public bool Exchanges { get; init; }

    /// <summary>The client whose pipe it is, one that the connection holds; it ends when that one leaves. Defaults to null: <see cref="Identities.Primary"/> when it is opened.</summary>
    public string? As { get; init; }

    /// <summary>What becomes of requests while this client is away. Defaults to <see cref="PipeOffline.Refuse"/>. Only for names that the caller chooses.</summary>
    public PipeOffline Offline { get; init; }

    /// <summary>For a pipe into a channel: how long a visitor waits for the first answer to the message (<see cref="Message.ReplyAsync"/>), which then is the response; 504 where there is none. At most two minutes. Defaults to null: the response is 202 with the message's id.</summary>
    public TimeSpan? Reply { get; init; }

    /// <summary>The rest of what is asked for, as it goes over the wire.</summary>
    internal PipeRegistration ToRegistration(string? name, string resource) => new()
    {
        Name = name,
        Resource = resource,
        HostHeader = HostHeader,
        Exchanges = Exchanges ? true : null,
        Offline = Offline == PipeOffline.Queue ? "queue" : null,
        ReplyTimeoutMs = Reply is { } reply ? (long)reply.TotalMilliseconds : null,
    };
}
