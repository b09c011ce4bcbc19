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
    /// Who may visit: rules of which one must let the visitor in: <c>public</c>, <c>signed-in</c>, <c>client:bob</c> (<c>*</c> stands for any run of characters), <c>room:team</c> and <c>lockspace:x</c> (who may
    /// join it), <c>basic:USER:PASSWORD</c>, <c>bearer</c> (a token or API key in Authorization), <c>ip:10.0.0.0/8</c>, <c>link</c> (<see cref="Pipe.CreateLinkAsync"/>), <c>granted</c>
    /// (<see cref="Pipes.GrantAsync"/> alone). A TCP port takes <c>public</c> and <c>ip:</c> only. Defaults to null: what the server says, <c>public</c> where it says nothing.
    /// </summary>
    public IReadOnlyList<string>? Visitors { get; init; }

    /// <summary>What visitors may use, at each node. Defaults to null: no limits but the server's.</summary>
    public VisitorLimits? Limits { get; init; }

    /// <summary>The client whose pipe it is, one that the connection holds; it ends when that one leaves. Defaults to null: <see cref="Identities.Primary"/> when it is opened.</summary>
    public string? As { get; init; }

    /// <summary>The rest of what is asked for, as it goes over the wire.</summary>
    internal PipeRegistration ToRegistration(string? name, string resource) => new()
    {
        Name = name,
        Resource = resource,
        HostHeader = HostHeader,
        Exchanges = Exchanges ? true : null,
        Visitors = Visitors is null ? null : string.Join(',', Visitors),
        Limits = Limits,
    };
}
