using Duplexity.Locking;
using Duplexity.Protocol;
using Duplexity.Reading;

namespace Duplexity;

/// <summary>How a lockspace is entered. Nothing set: as the primary client, from now, with locks of 30 s that renew themselves.</summary>
public sealed record EnterOptions
{
    /// <summary>The client to enter and lock as, one that the socket holds; null for the primary one.</summary>
    public string? As { get; init; }

    /// <summary>How long a lock is held when nothing is heard of this program any more, 1 s to 5 min; null: the server's default, 30 s. Held locks are renewed at a third of it.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>In a lockspace with a channel, the last place already seen; see <see cref="JoinOptions.Since"/>.</summary>
    public Position? Since { get; init; }

    /// <summary>In a lockspace with a channel, begin with the last n messages, at most 1,000; 0: none.</summary>
    public int Last { get; init; }
}

/// <summary>
/// A lockspace that the connection has entered; disposing it leaves it. Its locks are apart from that: they stay held until they are disposed of. One that nobody made has members and locks; messages come
/// only from one that was made with a channel (<see cref="DuplexityConnection.Lockspaces"/>); one that was made to hold is not left by disposing, but with its key. Thread-safe.
/// </summary>
public sealed class Lockspace : Subscription
{
    private readonly LockDesk _locks;
    private readonly EnterOptions _options;
    private Lockspace? _movedTo;

    internal Lockspace(DuplexityConnection connection, Listener listener, Observers observers, LockDesk locks, EnterOptions options)
        : base(connection, listener.Address, observers)
    {
        Listener = listener;
        _locks = locks;
        _options = options;
        listener.Moved = (next, told) =>
        {
            var moved = new Lockspace(connection, next, told, locks, options);
            Volatile.Write(ref _movedTo, moved);
            return moved;
        };
    }

    /// <summary>Where the owner has moved this client: it is in that lockspace now, and no longer in this one, whose readers end without an error; held locks stay held. Null: it was not moved.</summary>
    public Lockspace? MovedTo => Volatile.Read(ref _movedTo);

    internal override Listener Listener { get; }

    /// <summary>
    /// Takes a lock, in the order of asking. Two calls of one program exclude each other like those of two. A connection that is lost while waiting goes to the end of the line.
    /// </summary>
    /// <param name="name">The lock's name, without a slash.</param>
    /// <param name="wait">How long to wait for it; null: until it comes or <paramref name="ct"/> is cancelled; zero: not at all.</param>
    /// <param name="ct">Stops waiting.</param>
    /// <exception cref="DuplexityException"><see cref="Errors.LockTaken"/>: it did not come in that time. Or it was refused, or there was no answer in time.</exception>
    public async Task<HeldLock> AcquireAsync(string name, TimeSpan? wait = null, CancellationToken ct = default)
    {
        var (held, taken) = await _locks.AcquireAsync(Request(name), wait, ct).ConfigureAwait(false);
        return held ?? throw Taken(name, taken!);
    }

    /// <summary>Takes a lock if it is free now; null where somebody else has it.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<HeldLock?> TryAcquireAsync(string name, CancellationToken ct = default) =>
        (await _locks.AcquireAsync(Request(name), TimeSpan.Zero, ct).ConfigureAwait(false)).Held;

    /// <summary>Who is in the lockspace now.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Presence> PresenceAsync(CancellationToken ct = default) => Connection.PresenceAsync(Address, ct);

    /// <summary>Leaves a lockspace that holds, with its key.</summary>
    /// <exception cref="DuplexityException"><see cref="Errors.Held"/>: it is not the key. Or there was no answer in time.</exception>
    public async Task LeaveAsync(string key, CancellationToken ct = default)
    {
        await Connection.AskToLeaveAsync(Address, Listener.As, key, ct).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    private AcquireLockRequest Request(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new() { As = Listener.As, Lockspace = Address.Name, Name = name, LeaseMs = (long?)_options.Lease?.TotalMilliseconds };
    }

    private DuplexityException Taken(string name, AcquireLockResponse taken)
    {
        var who = taken.Holder is { } holder ? $"{VisibleText.Of(holder)} holds" : "somebody else holds";
        return new(DuplexityError.Of(Errors.LockTaken, $"{who} {VisibleText.Of($"{Address.Name}/{name}")}; it did not come in time.") with { RetryAfterMs = taken.FreesInMs });
    }
}

/// <summary>
/// A lock that this program holds: renewed until it is disposed of, which gives it back. When it can no longer be sure to hold it, <see cref="Lost"/> fires. Thread-safe.
/// <para>Without its token a lock is advice: a program that stood still may act after its lease has ended. Send under it (<see cref="SendOptions.Under"/>), or hand <see cref="Token"/> to what it guards, and let that refuse a lower one.</para>
/// </summary>
public sealed class HeldLock : IAsyncDisposable
{
    private readonly LockKeeper _keeper;

    internal HeldLock(LockKeeper keeper)
    {
        _keeper = keeper;
    }

    /// <summary>The lock, as <c>SPACE/NAME</c>.</summary>
    public string Name => _keeper.Name;

    /// <summary>The fencing token: greater than those of all grants of this lock before. After a reconnect it is a new one.</summary>
    public long Token => _keeper.Token;

    /// <summary>
    /// Fires when the lock is lost: broken, taken over, over with the connection; or not renewed for the lease less a tenth, counted by this program's own clock from before the request, connected or not (G17).
    /// Not fired by disposing.
    /// </summary>
    public CancellationToken Lost => _keeper.Lost;

    /// <summary>The lock and its present token, as <see cref="SendOptions.Under"/> takes them.</summary>
    public LockToken ToLockToken() => new() { Lock = Name, Token = Token };

    /// <summary>The same as <see cref="ToLockToken"/>.</summary>
    public static implicit operator LockToken?(HeldLock? held) => held?.ToLockToken();

    /// <summary>Gives the lock back. Never throws: where the server cannot be told, the lease ends it.</summary>
    public async ValueTask DisposeAsync() => await _keeper.ReleaseAsync().ConfigureAwait(false);
}
