using Duplexity.Protocol;

namespace Duplexity.Cli.Output;

/// <summary>A receipt as <c>send</c> and <c>emit</c> print it.</summary>
internal static class ReceiptLine
{
    /// <summary>The receipt with the member names of the wire.</summary>
    public static object Json(Receipt receipt) => new
    {
        receipt.MessageId,
        Level = Word(receipt.Level),
        receipt.Complete,
        Destinations = receipt.Destinations.Select(d => new { To = d.To.ToString(), d.Position, d.Error }).ToArray(),
    };

    /// <summary>A level's word on the wire.</summary>
    public static string Word(ReceiptLevel level) => Levels.Word(level);
}
