using System.Net;
using System.Text.Json;
using Duplexity.Protocol;
using MessagePack;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Links;

/// <summary>Turns what SignalR, sockets and HTTP throw into the errors of the protocol.</summary>
internal static class Faults
{
    /// <summary>Whether an invocation failed because its connection did, so that it may be repeated on the next one.</summary>
    public static bool IsLoss(Exception exception) => exception is HubException
        ? exception.Message.StartsWith("The server closed the connection", StringComparison.Ordinal) // SignalR's words for a close with an error
        : exception is not (DuplexityException or MessagePackSerializationException or JsonException or TimeoutException);

    /// <summary>The error for an invocation that failed without an answer record.</summary>
    public static DuplexityException OfInvocation(Exception exception) => exception switch
    {
        DuplexityException known => known,
        TimeoutException => new(DuplexityError.Of(Errors.OutcomeUnknown, "The server did not answer in time."), exception),
        // SignalR has no codes; these words are its own, named in PROTOCOL.md. What else a HubException says stays on the server.
        HubException when exception.Message.Contains("does not exist", StringComparison.Ordinal)
            => new(DuplexityError.Of(Errors.NoSuchMethod, "The server does not know this call; it is older than this SDK."), exception),
        HubException when exception.Message.StartsWith("An unexpected error", StringComparison.Ordinal)
            => new(DuplexityError.Of(Errors.OutcomeUnknown, "The server failed while it worked on the call."), exception),
        HubException or MessagePackSerializationException or JsonException
            => new(DuplexityError.Of(Errors.Unreadable, "The call or its answer could not be read."), exception),
        _ => new(DuplexityError.Of(Errors.Unavailable, "The connection was lost."), exception),
    };

    /// <summary>The error for an attempt to connect that failed.</summary>
    public static DuplexityException OfConnect(Exception exception, Uri server) => exception switch
    {
        DuplexityException known => known,
        OperationCanceledException or TimeoutException
            => new(DuplexityError.Of(Errors.Unavailable, $"{server.Authority} did not answer in time."), exception),
        HubException => OfInvocation(exception),
        _ => new(DuplexityError.Of(Errors.Unavailable, $"{server.Authority} is not reachable: {VisibleText.Of(Innermost(exception).Message, VisibleText.LogLength)}"), exception),
    };

    /// <summary>The error for an upgrade that was answered with <paramref name="status"/> instead of 101.</summary>
    public static DuplexityException OfStatus(HttpStatusCode status, Uri server, Exception? exception)
    {
        var (entry, sentence) = status switch
        {
            HttpStatusCode.Unauthorized => (Errors.IdentityNotHeld, $"{server.Authority} does not accept the access token, or there was none."),
            HttpStatusCode.Forbidden => (Errors.Denied, $"{server.Authority} does not let this client connect."),
            HttpStatusCode.TooManyRequests => (Errors.RateLimited, $"{server.Authority} takes no further connection from here now."),
            HttpStatusCode.NotFound => (Errors.Unavailable, $"There is no Duplexity service at {server}."),
            _ => (Errors.Unavailable, $"{server.Authority} answered {(int)status} instead of opening the connection."),
        };
        return new DuplexityException(DuplexityError.Of(entry, sentence), exception);
    }

    /// <summary>Throws the answer's refusal, if it is one.</summary>
    public static T OrThrow<T>(this T answer)
        where T : Answer => answer.Error is { } error ? throw new DuplexityException(error) : answer;

    private static Exception Innermost(Exception exception) => exception.GetBaseException();
}
