using MessagePack;
using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>What a repeated append is answered with, on disk.</summary>
[MessagePackObject]
internal sealed record StoredReceipt(
    [property: Key(0)] string MessageId,
    [property: Key(1)] IReadOnlyList<Address> Destinations,
    [property: Key(2)] IReadOnlyList<Position> Positions,
    [property: Key(3)] ReceiptLevel Level)
{
    public static byte[] Of(AppendResult result) => StoredBytes.Of(new StoredReceipt(result.MessageId, result.Destinations, result.Positions, result.Level));

    /// <summary>The answer to a repetition: the row has the fingerprint of the first time and its receipt.</summary>
    public static AppendResult Repeat(SqliteDataReader row, IdempotencyKey key, string messageId)
    {
        if (row.GetString(0) != key.Fingerprint)
        {
            return AppendResult.Refused(AppendOutcome.Mismatch, messageId);
        }

        var kept = StoredBytes.Read<StoredReceipt>((byte[])row[1]);
        return new AppendResult(AppendOutcome.Repeated, kept.MessageId, kept.Destinations, kept.Positions, kept.Level);
    }
}
