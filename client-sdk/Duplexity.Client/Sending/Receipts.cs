using Duplexity.Protocol;

namespace Duplexity.Sending;

/// <summary>Reads the wire's receipt into the public one.</summary>
internal static class Receipts
{
    /// <exception cref="DuplexityException">No destination took the message: the first reason.</exception>
    public static Receipt Read(SendResponse answer)
    {
        if (answer.Error is { } error)
        {
            throw new DuplexityException(error);
        }

        var results = answer.Destinations ?? [];
        if (results.Length > 0 && results.All(r => r.Error is not null))
        {
            throw new DuplexityException(results[0].Error!);
        }

        if (answer.MessageId is null || !Levels.TryRead(answer.Level, out var level))
        {
            throw new DuplexityException(DuplexityError.Of(Errors.Unreadable, "The receipt could not be read."));
        }

        var destinations = new List<ReceiptDestination>(results.Length);
        foreach (var result in results)
        {
            if (!Address.TryRead(result.To, out var to, out var problem))
            {
                throw new DuplexityException(DuplexityError.Of(Errors.Unreadable, $"The receipt could not be read: {problem}"));
            }

            destinations.Add(new ReceiptDestination(to, result.Position, result.Error));
        }

        return new Receipt { MessageId = answer.MessageId, Level = level, Destinations = destinations };
    }
}
