using Duplexity.Reading;

namespace Duplexity;

/// <summary>
/// What is sent to this client (<c>client:CID</c>), and to this very socket (<c>socket:ID</c>, <see cref="Message.Channel"/> tells which). The client's inbox is joined when it is
/// first read, from <see cref="DuplexityConnectionOptions.Inbox"/>. What comes to the socket's own address needs no join and is buffered from the start; it has
/// no log, so that what a full buffer leaves out is told to <see cref="Subscription.OnGap"/> and gone.
/// </summary>
public sealed class Inbox : Subscription
{
    private readonly Action _begin;
    private readonly Func<CancellationToken, Task> _join;

    internal Inbox(DuplexityConnection connection, Listener listener, Observers observers, Action begin, Func<CancellationToken, Task> join)
        : base(connection, listener.Address, observers)
    {
        Listener = listener;
        _begin = begin;
        _join = join;
    }

    internal override Listener Listener { get; }

    /// <summary>Joins the inbox now, ahead of the first reader, and returns when the server has taken it: nothing that is sent from then on is missed.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task JoinAsync(CancellationToken ct = default)
    {
        Begin();
        return _join(ct);
    }

    private protected override void Begin() => _begin();
}
