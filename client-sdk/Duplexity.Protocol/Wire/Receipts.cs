namespace Duplexity.Protocol;

/// <summary>Reads the answer to a send as a receipt, for the SDK and the server's API.</summary>
internal static class Receipts
{
    /// <summary>The receipt.</summary>
    /// <exception cref="DuplexityException">No destination took the message.</exception>
    public static Receipt Of(SendResponse answer)
    {
        if (answer.Error is { } error)
        {
            throw new DuplexityException(error);
        }

        return new Receipt
        {
            MessageId = answer.MessageId ?? "",
            Level = Levels.TryRead(answer.Level, out var level) ? level : ReceiptLevel.Accepted,
            Destinations = [.. (answer.Destinations ?? []).Select(d => new ReceiptDestination(Address.TryParse(d.To, null, out var to) ? to : default, d.Position, d.Error, d.Listeners))],
        };
    }
}
