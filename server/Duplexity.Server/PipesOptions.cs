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

    /// <summary>Roles whose clients may register public pipes of any name; <c>*</c> is everybody who is signed in. Defaults to none outside Development, to <c>*</c> there.</summary>
    public IList<string> Publish { get; } = [];

    /// <summary>
    /// Who may visit a pipe whose owner says nothing about it: rules as in <c>duplexity up --visitors</c>, with commas between them. Defaults to <c>public</c>, as everywhere where pipes are made;
    /// <c>signed-in</c> for a company's own server.
    /// </summary>
    public string Visitors { get; set; } = "public";

    /// <summary>Whether a pipe may be <c>public</c> at all. Defaults to true; with false, set <see cref="Visitors"/> as well.</summary>
    public bool MayBePublic { get; set; } = true;

    /// <summary>The address that TCP pipes listen on. Defaults to null: loopback in Development, any address elsewhere.</summary>
    public string? ListenAddress { get; set; }
}
