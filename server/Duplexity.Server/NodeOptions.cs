namespace Duplexity.Server;

/// <summary>One running server among others.</summary>
public sealed class NodeOptions
{
    /// <summary>The node's name, 1 to 32 letters and digits. Defaults to null: drawn at random at start.</summary>
    public string? Name { get; set; }

    /// <summary>The node's own public address, where it has one. Defaults to null: the address that the client's control connection used.</summary>
    public Uri? Url { get; set; }
}
