using System.Text.Json.Serialization;

namespace Duplexity.Server.Inboxes;

/// <summary>What is kept of a message that is outstanding: its attempts go on over a restart, for the attempt of a claim is a fencing token (G17, G22). The rest is for nodes that share it.</summary>
internal sealed record OutstandingRecord(string Id, string Place, string Before, int Attempt)
{
    /// <inheritdoc cref="Outstanding.IsClaim"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsClaim { get; init; }

    /// <inheritdoc cref="Outstanding.Holder"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Holder { get; init; }

    /// <inheritdoc cref="Outstanding.Node"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Node { get; init; }

    /// <summary>When it comes again, in milliseconds since 1970 UTC; 0 while a node has it, which knows.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Due { get; init; }
}
