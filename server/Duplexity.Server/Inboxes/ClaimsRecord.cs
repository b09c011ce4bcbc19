namespace Duplexity.Server.Inboxes;

/// <summary>
/// What is kept of a reader that is claimed from: what is outstanding, and what is settled. Both in one record, or what leaves the one before the other is on disk would come again, after a crash, by its first attempt. For a node that is
/// alone: several have what is outstanding in the record that they share.
/// </summary>
internal sealed record ClaimsRecord(ReaderRecord Reader, OutstandingRecord[] Claims)
{
    /// <summary>The kind of an inbox's records; the key is the reader.</summary>
    public static string Kind(string client) => $"claims:{client}";

    /// <summary>The key of a reader's record.</summary>
    public static string Key(InboxReader reader) => $"reader:{reader.Name}";
}
