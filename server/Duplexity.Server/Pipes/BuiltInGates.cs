using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Channels;

namespace Duplexity.Server.Pipes;

/// <summary>Ingress: the acting client may still act.</summary>
internal sealed class IdentityGate(TimeProvider time) : IBuiltInGate
{
    public string Name => "identity";

    public Step Step => Step.Ingress;

    public DuplexityError? Check(in Passage passage) => passage.Sender.ExpiresAt is { } end && time.GetUtcNow() >= end
        ? DuplexityError.Of(Errors.TokenExpired, $"The token of {VisibleText.Of(passage.Sender.Client)} has expired; connect again with a new one.")
        : null;
}

/// <summary>Ingress: the message has a body, and nothing in it is larger than allowed.</summary>
internal sealed class SizeGate : IBuiltInGate
{
    public string Name => "size";

    public Step Step => Step.Ingress;

    public DuplexityError? Check(in Passage passage)
    {
        if (passage.Request is not { } request)
        {
            return null;
        }

        if (request.Text is null == request.Bytes is null)
        {
            return DuplexityError.Of(Errors.InvalidRequest, "A message has a body: give text or bytes, one of the two.");
        }

        var body = BodyBytes(request);
        if (body > Wire.MaxMessageBytes)
        {
            return TooLarge("message_bytes", body, Wire.MaxMessageBytes);
        }

        if (request.Headers?.FirstOrDefault(h => h.Value is null) is { Key: { } empty })
        {
            // JSON and MessagePack both let it through; further on, every reader of the room would stumble over it.
            return DuplexityError.Of(Errors.InvalidRequest, $"The header {VisibleText.Of(empty, Wire.MaxNameLength)} has no value; give text, or leave it out.");
        }

        var headers = request.Headers?.Sum(h => Encoding.UTF8.GetByteCount(h.Key) + Encoding.UTF8.GetByteCount(h.Value)) ?? 0;
        if (headers > Wire.MaxHeaderBytes)
        {
            return TooLarge("header_bytes", headers, Wire.MaxHeaderBytes);
        }

        return LongName(nameof(request.Type), request.Type) ?? LongName(nameof(request.ContentType), request.ContentType) ?? LongName(nameof(request.Re), request.Re)
            ?? LongName(nameof(request.Session), request.Session) ?? LongName(nameof(request.IdempotencyKey), request.IdempotencyKey);
    }

    /// <summary>How many bytes the body of a message has, text in UTF-8.</summary>
    public static int BodyBytes(MessageRequest request) => request.Bytes?.Length ?? Encoding.UTF8.GetByteCount(request.Text ?? "");

    private static DuplexityError? LongName(string field, string? value) => value?.Length > Wire.MaxNameLength
        ? DuplexityError.Of(Errors.InvalidRequest, $"{char.ToLowerInvariant(field[0])}{field[1..]} has {value.Length} characters; at most {Wire.MaxNameLength} are allowed.")
        : null;

    private static DuplexityError TooLarge(string limit, long used, long allowed) =>
        DuplexityError.Of(Errors.MessageTooLarge, $"The message is too large: {limit} is {used}, at most {allowed} are allowed.") with { Limit = limit, Used = used };
}

/// <summary>
/// Entry: what a client may send to by the kind of address. What it may not use reads the same as what does not exist (1.23, 1.28).
/// </summary>
internal sealed class AllowanceGate(IDirectReach reach, AwaitedReplies replies, Lockspaces? lockspaces = null, Holdings? holdings = null) : IBuiltInGate
{
    public string Name => "allowance";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in Passage passage)
    {
        var (sender, target) = (passage.Sender, passage.Target);
        var allowed = target.Kind switch
        {
            AddressKind.Room or AddressKind.Client => true,
            AddressKind.Lockspace => lockspaces?.HasChannel(target) == true || (sender.SocketId is { } socket && holdings?.HolderOf(new(sender.Client, socket)) == target.Name),
            AddressKind.Feed => sender.IsServer || target.Name == sender.Client,
            AddressKind.Socket => passage.IsReachedFar || Reaches(target.Name, sender.Client, sender.IsServer, passage.Request?.Re),
            _ => false,
        };
        return allowed ? null : DuplexityError.Of(Errors.UnknownDestination, NotThere(target));
    }

    /// <summary>Whether a socket of this node takes a client's message to its own address.</summary>
    public bool Reaches(string socketId, string client, bool isServer, string? re) => reach.Reaches(socketId, client, isServer) || ((socketId == replies.Desk || reach.IsThere(socketId)) && replies.Awaits(socketId, re));

    public static string NotThere(Address target) => $"{VisibleText.Of(target.ToString())} is not there, or is not yours to send to; `duplexity explain send {VisibleText.Of(target.ToString())}` shows which gate refuses.";
}

/// <summary>Whether a socket takes messages to its own address from a client: the receiver's right to give.</summary>
internal interface IDirectReach
{
    /// <summary>False where the socket is not there, and where it does not want to hear this client: the two look alike.</summary>
    bool Reaches(string socketId, string client, bool isServer);

    /// <summary>Whether there is such a socket.</summary>
    bool IsThere(string socketId);
}
