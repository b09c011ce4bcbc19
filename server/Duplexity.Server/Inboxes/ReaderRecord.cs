using System.Text.Json;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// What is kept of one reader: its place, when it was used last, in milliseconds since 1970 UTC, and what is settled beyond the place, as runs (from, to, from, to …) with the last of them. One record of an inbox has all its readers.
/// </summary>
internal sealed record ReaderRecord(string Place, long Used, long[]? Settled = null, string? LastSettled = null)
{
    public static ReaderRecord Of(InboxReader reader) => reader.SettledBeyond() is var (runs, last)
        ? new(reader.Cursor.ToString(), reader.Used.ToUnixTimeMilliseconds(), runs, last.ToString())
        : new(reader.Cursor.ToString(), reader.Used.ToUnixTimeMilliseconds());

    /// <summary>The kind of the records; the key is the CID.</summary>
    public const string Kind = "inbox";

    public static string Write(Dictionary<string, ReaderRecord> readers) => JsonSerializer.Serialize(readers);

    public static Dictionary<string, ReaderRecord> Read(string? record) => record is null ? [] : JsonSerializer.Deserialize<Dictionary<string, ReaderRecord>>(record)!;
}
