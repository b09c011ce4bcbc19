namespace Duplexity;

/// <summary>Where a <see cref="DuplexityConnection"/> stands.</summary>
public enum ConnectionState
{
    /// <summary>Not yet ready for the first time.</summary>
    Connecting,

    /// <summary>Everything that was asked for is there: messages flow, subscriptions are joined, public pipes serve.</summary>
    Ready,

    /// <summary>Something was lost and is being restored, for ever; what can go on goes on.</summary>
    Reconnecting,

    /// <summary>Over for good; <see cref="DuplexityConnection.Closed"/> says why.</summary>
    Closed,
}

/// <summary>A step from one state to another.</summary>
/// <param name="Previous">The state before.</param>
/// <param name="Current">The state now.</param>
/// <param name="Cause">What was lost or failed, where the step has such a cause.</param>
/// <param name="RetryIn">When the next attempt begins, on a step or a further failure while <see cref="ConnectionState.Reconnecting"/>.</param>
public sealed record ConnectionStateChange(ConnectionState Previous, ConnectionState Current, DuplexityError? Cause = null, TimeSpan? RetryIn = null);

/// <summary>Why a connection is over for good.</summary>
/// <param name="Code">A 5xx code of <see cref="Errors"/>; <see cref="Errors.Goodbye"/> where this program disposed the connection.</param>
/// <param name="Name">The code in words, such as <c>taken_over</c>.</param>
/// <param name="Sentence">The reason for a person, as the server gave it.</param>
public sealed record CloseReason(int Code, string Name, string Sentence)
{
    /// <summary>Whether this program ended the connection itself.</summary>
    public bool IsDisposed => Code == Errors.Goodbye.Code;

    internal static CloseReason Disposed { get; } = new(Errors.Goodbye.Code, Errors.Goodbye.Name, "The connection was disposed.");

    internal DuplexityException ToException() => new(DuplexityError.Of((Code, Name), Sentence));
}
