namespace Duplexity.Server;

/// <summary>Where public pipes live.</summary>
public sealed class PipesOptions
{
    /// <summary>
    /// Scheme, wildcard domain and port that visitors use. Defaults to <c>http://*.localhost:5080</c>: every *.localhost name is this machine in curl and
    /// browsers, so that a pipe works without any DNS. A port of 0 stands for the port that the server listens on (tests).
    /// </summary>
    public string Url { get; set; } = "http://*.localhost:5080";

    /// <summary>The first and last TCP port that pipes may have. Defaults to <c>7000-7099</c>, as frp's examples do; empty: no TCP pipes.</summary>
    public string Ports { get; set; } = "7000-7099";

    /// <summary>
    /// The port of pipes whose resources end TLS themselves (<c>tls://localhost:8443</c>): one for all, the pipe is found by the name that the visitor asks for (SNI). Not a port that the service listens on itself.
    /// Defaults to null: there is none.
    /// </summary>
    public int? TlsPort { get; set; }

    /// <summary>Roles whose clients may register public pipes of any name; <c>*</c> is everybody who is signed in. Defaults to none outside Development, to <c>*</c> there.</summary>
    public IList<string> Publish { get; } = [];

    /// <summary>
    /// Domains beside <see cref="Url"/> that clients may serve without a proof in the DNS, by a pattern of their names: <c>cat1.example.com</c>, or <c>*.example.com</c> for all below. Defaults to none: who wants a domain
    /// of its own proves it by a TXT record.
    /// </summary>
    public IDictionary<string, DomainOptions> Domains { get; } = new Dictionary<string, DomainOptions>();

    /// <summary>The DNS server that is asked for proofs of domains, as <c>ADDRESS</c> or <c>ADDRESS:PORT</c>. Defaults to null: the system's own.</summary>
    public string? Resolver { get; set; }

    /// <summary>
    /// Who may visit a pipe whose owner says nothing about it: rules as in <c>duplexity up --visitors</c>, with commas between them. Defaults to <c>public</c>, as everywhere where pipes are made;
    /// <c>signed-in</c> for a company's own server.
    /// </summary>
    public string Visitors { get; set; } = "public";

    /// <summary>Whether a pipe may be <c>public</c> at all. Defaults to true; with false, set <see cref="Visitors"/> as well.</summary>
    public bool MayBePublic { get; set; } = true;

    /// <summary>The address that TCP pipes listen on. Defaults to null: loopback in Development, any address elsewhere.</summary>
    public string? ListenAddress { get; set; }

    /// <summary>
    /// Whether what visitors have begun goes on at a node that has not reached the engine for a lease, and so cannot know who was revoked meanwhile. Defaults to false: it is cut, as revocation is worth more than a download (G8).
    /// </summary>
    public bool KeepStreams { get; set; }
}
