using System.Runtime.CompilerServices;
using Duplexity.Protocol;
using Duplexity.Reading;

namespace Duplexity;

/// <summary>
/// What is sent to this client (<c>client:CID</c>), and to this very socket (<c>socket:ID</c>, <see cref="Message.Channel"/> tells which). The client's inbox keeps what is sent while the client is away. It is joined when it is
/// first read, and begins with the first message that was not acknowledged; <see cref="DuplexityConnectionOptions.Inbox"/> says otherwise, and who acknowledges (<see cref="AckMode"/>). What comes to the socket's own address needs no join and is buffered from the start; it has
/// no log, so that what a full buffer leaves out is told to <see cref="Subscription.OnGap"/> and gone.
/// </summary>
public sealed partial class Inbox : Subscription
{
    private readonly Acknowledger _acknowledger;
    private readonly ClaimDesk _claims;
    private readonly Action _begin;
    private readonly Func<CancellationToken, Task> _join;

    internal Inbox(DuplexityConnection connection, Listener listener, Observers observers, Acknowledger acknowledger, ClaimDesk claims, Action begin, Func<CancellationToken, Task> join)
        : base(connection, listener.Address, observers)
    {
        Listener = listener;
        listener.Withdrawn += withdrawn => observers.Guard(nameof(Withdrawn), () => Withdrawn?.Invoke(withdrawn));
        _acknowledger = acknowledger;
        _claims = claims;
        _begin = begin;
        _join = join;
    }

    /// <summary>
    /// With <see cref="AckMode.Manual"/>: a message that this connection was offered is settled without it, because another one of the client has acknowledged it or it became a dead letter. Whoever still works on it may stop. With
    /// <see cref="AckMode.Claim"/> also where a lease has ended; <see cref="ClaimedMessage.Lost"/> says the same.
    /// Called in the order of the connection's events: be brief. An exception is logged.
    /// </summary>
    public event Action<WithdrawnEvent>? Withdrawn;

    /// <summary>How many messages waited when the inbox was joined last; 0 before.</summary>
    public long Waiting => Listener.Waiting;

    internal override Listener Listener { get; }

    /// <summary>Joins the inbox now, ahead of the first reader, and returns when the server has taken it: nothing that is sent from then on is missed.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task JoinAsync(CancellationToken ct = default)
    {
        Begin();
        return _join(ct);
    }

    /// <summary>Says that a message has been dealt with, so that it does not come again. Only with <see cref="AckMode.Manual"/> and <see cref="AckMode.Claim"/>; what comes to the socket's own address needs none.</summary>
    /// <exception cref="DuplexityException"><see cref="Errors.Taken"/>: it was acknowledged already. <see cref="Errors.StaleAttempt"/>: it has been offered again since; acknowledge that one. Or there was no answer in time.</exception>
    /// <exception cref="InvalidOperationException">The inbox is not read with one of these.</exception>
    public Task AcknowledgeAsync(Message message, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (Listener.Ack is not (AckMode.Manual or AckMode.Claim))
        {
            throw new InvalidOperationException("This inbox is not acknowledged by hand; set DuplexityConnectionOptions.Inbox to new() { Ack = AckMode.Manual }.");
        }

        return message.Channel != Address ? Task.CompletedTask
            : Listener.Ack == AckMode.Manual ? _acknowledger.AcknowledgeAsync(message.Position, message.Attempt, ct)
            : _claims.Find(message.Position, message.Attempt)?.AcknowledgeAsync(ct)
                ?? throw new DuplexityException(DuplexityError.Of(Errors.StaleAttempt, "The message is not claimed by this connection any more."));
    }

    /// <summary>The same by a message's place, also of one that another connection of this client was offered. Only with <see cref="AckMode.Manual"/>.</summary>
    /// <param name="position">The message's place in the inbox.</param>
    /// <param name="attempt">Which attempt; null: whichever is the last.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">As of the other one; <see cref="Errors.PlaceGone"/>: nothing there is offered to this reader.</exception>
    /// <exception cref="InvalidOperationException">The inbox is not read with <see cref="AckMode.Manual"/>.</exception>
    public Task AcknowledgeAsync(Position position, int? attempt = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(position);
        return Listener.Ack == AckMode.Manual
            ? _acknowledger.AcknowledgeAsync(position, attempt, ct)
            : throw new InvalidOperationException("This inbox is not acknowledged by hand; set DuplexityConnectionOptions.Inbox to new() { Ack = AckMode.Manual }.");
    }

    /// <summary>
    /// The messages that are claimed for this connection, each its own until it is acknowledged, disposed of or lost: as many at once as <see cref="JoinOptions.Hands"/>, so that the next one comes when one is done with. What is lost before it is read is left out,
    /// and so is what comes to the socket's own address. Only with <see cref="AckMode.Claim"/>. Ends as <see cref="Subscription.ReadAllAsync(CancellationToken)"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The inbox is not read with <see cref="AckMode.Claim"/>.</exception>
    /// <exception cref="DuplexityException">The subscription is over, and not by this program's wish.</exception>
    public IAsyncEnumerable<ClaimedMessage> ClaimAllAsync(CancellationToken ct = default)
    {
        return Listener.Ack == AckMode.Claim
            ? Enumerate(ct)
            : throw new InvalidOperationException("This inbox is not claimed from; set DuplexityConnectionOptions.Inbox to new() { Ack = AckMode.Claim }.");

        async IAsyncEnumerable<ClaimedMessage> Enumerate([EnumeratorCancellation] CancellationToken stop)
        {
            await foreach (var message in ReadAllAsync(stop).ConfigureAwait(false))
            {
                if (message.Channel == Address && _claims.Find(message.Position, message.Attempt) is { } keeper)
                {
                    yield return new ClaimedMessage(keeper);
                }
            }
        }
    }

    private protected override void Begin() => _begin();
}
