namespace Duplexity.Server;

/// <summary>One running server among others.</summary>
public sealed class NodeOptions
{
    /// <summary>The node's name, 1 to 32 letters and digits. Defaults to null: drawn at random at start.</summary>
    public string? Name { get; set; }

    /// <summary>The node's own public address, where it has one. Defaults to null: the address that the client's control connection used.</summary>
    public Uri? Url { get; set; }

    /// <summary>
    /// Where the other nodes reach this one, and nobody else does: a listener of its own, such as <c>http://10.0.0.5:5081</c>. A name or an address of this machine; where it is not loopback or private, only <c>https</c> with <see cref="InternalCertificate"/>.
    /// Defaults to null: any free port of <c>http://127.0.0.1</c>, which serves nodes on one machine. Without <see cref="ClusterOptions.Key"/>, or with the embedded engine, nothing listens, unless <see cref="ClusterOptions.FrontKey"/> is there: then fronts ask here.
    /// </summary>
    public Uri? InternalUrl { get; set; }

    /// <summary>A PEM file with the certificate and its key for an <see cref="InternalUrl"/> with <c>https</c>. Defaults to null: none.</summary>
    public string? InternalCertificate { get; set; }
}
