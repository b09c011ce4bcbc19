namespace Duplexity;

/// <summary>As whom, and about whom, a question or an order about sockets, pipes and tokens is.</summary>
public sealed record AskOptions
{
    /// <summary>The client to act as, one that the connection holds; its rights alone count. Defaults to null: <see cref="Identities.Primary"/>.</summary>
    public string? As { get; init; }

    /// <summary>Whose sockets or pipes a list or a watch is about, or whose case an explanation: a CID, or <c>*</c> for everybody's, by the right to administer. Defaults to null: the acting client's own.</summary>
    public string? Client { get; init; }
}
