namespace Duplexity.Server;

/// <summary>What nodes that share an engine prove themselves with.</summary>
public sealed class ClusterOptions
{
    /// <summary>
    /// The secret that nodes sign with what they ask each other, the same on all of them: at least 32 characters, such as <c>openssl rand -base64 32</c> prints. Defaults to null: one node; a second one on the same engine does not start.
    /// </summary>
    public string? Key { get; set; }

    /// <summary>The secret before that one, still taken while nodes change from one to the other, and never signed with. Defaults to null: none.</summary>
    public string? FormerKey { get; set; }

    /// <summary>
    /// The secret of fronts (<see cref="FrontOptions.Key"/>), another one than <see cref="Key"/>, the same on all nodes: who has it may locate pipes and order carriers, and nothing else. Defaults to null: no front is answered.
    /// </summary>
    public string? FrontKey { get; set; }

    /// <summary>The secret of fronts before that one, still taken while they change from one to the other, and never signed with. Defaults to null: none.</summary>
    public string? FormerFrontKey { get; set; }
}
