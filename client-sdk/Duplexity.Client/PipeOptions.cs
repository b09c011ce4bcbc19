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
    /// Whether other programs of the same client may serve the name at the same time, each with its part of the visitors; all of them ask for it. Defaults to false: the newer one takes over. When the connection is
    /// disposed, no further visitor comes and those who are being served are finished, for at most ten seconds.
    /// </summary>
    public bool Share { get; init; }

    /// <summary>For a shared hostname: whether a visitor stays with the program that served it first, by a cookie that the resource does not see. Defaults to false.</summary>
    public bool Sticky { get; init; }

    /// <summary>
    /// Whether it has no public name: the connections of clients who dial it (<see cref="Pipes.DialAsync"/>) reach the resource, whatever it speaks, and nobody else does. Its name is a word (<c>db</c>) of the client's own,
    /// which others write as <c>amy/db</c>. Defaults to false.
    /// </summary>
    public bool Private { get; init; }

    /// <summary>
    /// Who may visit; null, the default: everybody, and of a private pipe its owner alone. For a private pipe <c>signed-in</c> or <c>client:bob</c> (<c>*</c> stands for any characters), with commas between several.
    /// </summary>
    public string? Visitors { get; init; }

    /// <summary>The client whose pipe it is, one that the connection holds; it ends when that one leaves. Defaults to null: <see cref="Identities.Primary"/> when it is opened.</summary>
    public string? As { get; init; }

    /// <summary>The rest of what is asked for, as it goes over the wire.</summary>
    internal PipeRegistration ToRegistration(string? name, string resource) => new()
    {
        Name = name,
        Resource = resource,
        HostHeader = HostHeader,
        Exchanges = Exchanges ? true : null,
        Share = Share ? true : null,
        Sticky = Sticky ? true : null,
        Private = Private ? true : null,
        Visitors = Visitors,
    };
}
