using System.Text.Json;
using System.Text.Json.Serialization;

namespace Duplexity.Server.Inboxes;

/// <summary>
/// What is kept of one reader: its place, when it was used last, in milliseconds since 1970 UTC, and what is settled beyond the place, as runs (from, to, from, to …) with the last of them. One record of an inbox has all its readers. Nodes that
/// share it decide in it: then it has what is outstanding as well.
/// </summary>
internal sealed record ReaderRecord(string Place, long Used, long[]? Settled = null, string? LastSettled = null)
{
    /// <summary>The kind of the records; the key is the CID.</summary>
    public const string Kind = "inbox";

    /// <summary>How often the log did not know the place any more and it went on at another one: of two records the later one's is right.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Restarts { get; init; }

    /// <summary>What is outstanding; null where one node has the inbox for itself.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OutstandingRecord[]? Outstanding { get; init; }

    /// <summary>The nodes at which sockets read as this reader, and whether they claim.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SortedDictionary<string, bool>? ReadAt { get; init; }

    public static ReaderRecord Of(InboxReader reader)
    {
        var record = new ReaderRecord(reader.Cursor.ToString(), reader.Used.ToUnixTimeMilliseconds()) { Restarts = reader.Restarts };
        return reader.SettledBeyond() is var (runs, last) ? record with { Settled = runs, LastSettled = last.ToString() } : record;
    }

    public static string Write(IReadOnlyDictionary<string, ReaderRecord> readers) => JsonSerializer.Serialize(readers);

    public static Dictionary<string, ReaderRecord> Read(string? record) => record is null ? [] : JsonSerializer.Deserialize<Dictionary<string, ReaderRecord>>(record)!;
}
