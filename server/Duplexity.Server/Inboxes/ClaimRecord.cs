namespace Duplexity.Server.Inboxes;

/// <summary>What is kept of a message that was claimed: its attempts go on over a restart, for the attempt is a fencing token (G17, G22).</summary>
internal sealed record ClaimRecord(string Id, string Place, string Before, int Attempt)
{
    /// <summary>The kind of an inbox's records; the key is the reader.</summary>
    public static string Kind(string client) => $"claims:{client}";

    /// <summary>The key of a reader's record.</summary>
    public static string Key(InboxReader reader) => $"reader:{reader.Name}";
}
