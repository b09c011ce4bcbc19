using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>What the own inbox gave up: read, put there anew, or let go.</summary>
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
        if ((Own(held, isRead: false) ?? ReadId(nameof(IDataHub.Replay), request.Id)) is { } error)
        {
            return new ReplayResponse { Error = error };
        }

        return await inboxes.DeadLetters.ReplayAsync(held.Client, request.Id!) is var (id, position)
            ? new ReplayResponse { MessageId = id, Position = position }
            : new ReplayResponse { Error = NoLetter() };
    }

    /// <summary>Lets a dead letter of the acting client go for good.</summary>
    public async Task<Done> DiscardAsync(HeldIdentity held, DiscardRequest request)
    {
        if ((Own(held, isRead: false) ?? ReadId(nameof(IDataHub.Discard), request.Id)) is { } error)
        {
            return new Done { Error = error };
        }

        return new Done { Error = await inboxes.DeadLetters.DiscardAsync(held.Client, request.Id!) ? null : NoLetter() };
    }

    private static DuplexityError? ReadId(string method, string? id) =>
        id is { Length: > 0 and <= Wire.MaxNameLength } ? null : DuplexityError.Of(Errors.InvalidRequest, $"{method} names a dead letter by its message's id.");

    private static DuplexityError NoLetter() => DuplexityError.Of(Errors.PlaceGone, "There is no dead letter of that id: it was put back or discarded already, or it is over.");

    private DuplexityError? Own(HeldIdentity held, bool isRead) => gates.Read(Address.Client(held.Client).ToString(), held, isRead, out _);
}
