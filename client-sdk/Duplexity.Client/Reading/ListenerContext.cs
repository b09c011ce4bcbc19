using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>What a <see cref="Listener"/> needs of its connection and subscription. None of the calls may block or throw.</summary>
internal sealed class ListenerContext
{
    public required DuplexityConnectionOptions Options { get; init; }

    public required SeenIds Seen { get; init; }

    public required Func<DeliveredMessage, Address, Message> Read { get; init; }

    /// <summary>A place could not be served; called outside of locks.</summary>
    public required Action<Gap> Missed { get; init; }

    /// <summary>The server does not let the channel be listened to (any more); called outside of locks.</summary>
    public required Action<Listener, DuplexityException> Refused { get; init; }

    /// <summary>The buffer is full; called under the listener's lock.</summary>
    public required Action<Address> Paused { get; init; }

    /// <summary>The channel is joined again behind its last place; called under the listener's lock.</summary>
    public required Action<Address> JoiningAgain { get; init; }

    /// <summary>Begins a re-join off the listener's lock; a test runs it in its own order.</summary>
    public Action<Func<Task>> Begin { get; init; } = static work => _ = Task.Run(work);
}
