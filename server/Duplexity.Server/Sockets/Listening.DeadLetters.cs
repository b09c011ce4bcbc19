using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>What the own inbox gave up: read, and put there anew.</summary>
internal sealed partial class Listening
{
    /// <summary>A page of the acting client's dead letters.</summary>
    public async Task<DeadLettersResponse> DeadLettersAsync(HeldIdentity held, DeadLettersRequest request)
    {
        if ((Own(held, isRead: true) ?? ReadCount(nameof(request.Limit), request.Limit, 1)) is { } error)
        {
            return new DeadLettersResponse { Error = error };
        }

        var (letters, isEnd) = await inboxes.DeadLetters.ReadAsync(held.Client, request.After, request.Limit ?? DefaultPage);
        return new DeadLettersResponse { Letters = letters, Next = isEnd ? null : letters[^1].Message.Id };
    }

    /// <summary>Puts a dead letter into the acting client's inbox anew.</summary>
    public async Task<ReplayResponse> ReplayAsync(HeldIdentity held, ReplayRequest request)
    {
        if ((Own(held, isRead: false) ?? (request.Id is { Length: > 0 and <= Wire.MaxNameLength } ? null : DuplexityError.Of(Errors.InvalidRequest, "Replay names a dead letter by its message's id."))) is { } error)
        {
            return new ReplayResponse { Error = error };
        }

        return await inboxes.DeadLetters.ReplayAsync(held.Client, request.Id!) is var (id, position)
            ? new ReplayResponse { MessageId = id, Position = position }
            : new ReplayResponse { Error = DuplexityError.Of(Errors.PlaceGone, "There is no dead letter of that id: it was put back already, or it is over.") };
    }

    private DuplexityError? Own(HeldIdentity held, bool isRead) => gates.Read(Address.Client(held.Client).ToString(), held, isRead, out _);
}
