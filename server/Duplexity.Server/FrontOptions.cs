namespace Duplexity.Server;

/// <summary>A front: a server for visitors of public pipes and for the carriers that serve them, which asks nodes for all that it has to know.</summary>
public sealed class FrontOptions
{
    /// <summary>
    /// Where nodes are asked, one or more: their <see cref="NodeOptions.InternalUrl"/>, such as <c>http://10.0.0.5:5081</c>. From the first that answers the front learns of all others, and reaches them at theirs. Defaults to none; a front needs one.
    /// </summary>
    public IList<string> Backends { get; } = [];

    /// <summary>The secret that the front signs with, the nodes' <see cref="ClusterOptions.FrontKey"/>: good for asking what a front asks, and for nothing else. Defaults to null; a front needs it.</summary>
    public string? Key { get; set; }

    /// <summary>The secret before that one, in whose name answers are still taken while nodes and fronts change from one to the other. Defaults to null: none.</summary>
    public string? FormerKey { get; set; }

    /// <summary>
    /// For how long a front that reaches no node goes on with what visitors have begun; a fifth before its end their carriers break, for what they serve may be over. Defaults to 30 s, the lease of nodes (G16): a restart takes less.
    /// </summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);
}
