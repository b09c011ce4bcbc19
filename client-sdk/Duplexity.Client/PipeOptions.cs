using Duplexity.Protocol;

namespace Duplexity;

/// <summary>How a public pipe behaves.</summary>
public sealed record PipeOptions
{
    /// <summary>The Host header that the resource sees: <c>keep</c> (null, the default: the visitor's), <c>resource</c> (the resource's own), or any name.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Whether <see cref="Pipe.Exchanges"/> tells of each visitor request.</summary>
    public bool Exchanges { get; init; }

    /// <summary>
    /// Whether the server keeps the last exchanges of the pipe (headers, the first 64 KB of both bodies, times; secrets redacted; 4 MB of them, for as long as the pipe is registered) for <see cref="Pipes.ExchangesAsync"/> and for replays.
    /// Not for TCP pipes. Defaults to false: what visitors send is nobody's to read unless somebody wants to.
    /// </summary>
    public bool Inspect { get; init; }

    /// <summary>The client whose pipe it is, one that the connection holds; it ends when that one leaves. Defaults to null: <see cref="Identities.Primary"/> when it is opened.</summary>
    public string? As { get; init; }

    /// <summary>The rest of what is asked for, as it goes over the wire.</summary>
    internal PipeRegistration ToRegistration(string? name, string resource) => new()
    {
        Name = name,
        Resource = resource,
        HostHeader = HostHeader,
        Exchanges = Exchanges ? true : null,
        Inspect = Inspect ? true : null,
    };
}
