namespace Duplexity.Server.Engine;

/// <summary>
/// Exclusive locks under leases. What an implementation guarantees, and <c>EngineSpecification</c> tests:
/// <list type="bullet">
/// <item>A lock has one holder at most, until that one releases it, is dropped, or its lease ends. Who waits gets it in the order of asking, until its time is up.</item>
/// <item>Each grant has a token, and of two grants of a lock the later one's is greater: across restarts, data losses and corrections of the clock too, for it is
/// <c>max(last + 1, time in µs)</c> (G16, G17). A token fits into 53 bits.</item>
/// <item>A grant that was told is known after a restart, unless the store is one that keeps nothing, and the lock goes to nobody else before its whole lease has passed once more (G17).</item>
/// <item>No call waits for a holder: who cannot have the lock now is told <see cref="LockOutcome.Queued"/>, and the rest by <see cref="ILockHandler"/> (G11).</item>
/// <item>What happens to one lock is told in its order.</item>
/// </list>
/// Thread-safe.
/// </summary>
internal interface ILocks
{
    /// <summary>Names the receiver of what happens and reads what outlived the last process; once, before anything is asked.</summary>
    ValueTask StartAsync(ILockHandler handler, CancellationToken ct = default);

    /// <summary>Asks for a lock. The same holder with the same ticket is answered as it was before.</summary>
    ValueTask<LockAnswer> AcquireAsync(LockRequest request, CancellationToken ct = default);

    /// <summary>Lets a lease begin anew; false where the lock is not (any more) held so.</summary>
    ValueTask<bool> RenewAsync(LockName name, LockHolder holder, long token, CancellationToken ct = default);

    /// <summary>Gives a lock back; false where it is not (any more) held so.</summary>
    ValueTask<bool> ReleaseAsync(LockName name, LockHolder holder, long token, CancellationToken ct = default);

    /// <summary>Stops waiting; false where nothing waits under this ticket.</summary>
    ValueTask<bool> WithdrawAsync(LockName name, LockHolder holder, string ticket, CancellationToken ct = default);

    /// <summary>Takes a lock from whoever holds it; false where nobody does.</summary>
    ValueTask<bool> BreakAsync(LockName name, CancellationToken ct = default);

    /// <summary>A client is gone from a socket (null: from everywhere), by its own wish or by force: what it held is free, what it waited for is forgotten.</summary>
    ValueTask DropAsync(string client, string? socketId, CancellationToken ct = default);

    /// <summary>A socket is lost: what it (one of its clients) waited for is forgotten, what it held stays until its lease ends or the same client takes it over.</summary>
    ValueTask LoseAsync(string socketId, string? client = null, CancellationToken ct = default);

    /// <summary>Who holds a lock, as far as this node knows without asking anybody; null: nobody. For a gate that must not wait: the append decides (G17).</summary>
    LockView? Find(LockName name);
}

/// <summary>Who is told what happens to locks. Must not block or throw; called from any thread.</summary>
internal interface ILockHandler
{
    /// <summary>Something happened to a lock, on this node or another.</summary>
    void OnLockChanged(LockChange change);
}

/// <summary>A lock's name: unique within its lockspace, and without a slash, so that <c>SPACE/NAME</c> has one reading.</summary>
internal readonly record struct LockName(string Space, string Name)
{
    /// <summary><c>SPACE/NAME</c>, as fences and records have it.</summary>
    public override string ToString() => $"{Space}/{Name}";

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static LockName Parse(string text) => text.LastIndexOf('/') is > 0 and var slash
        ? new(text[..slash], text[(slash + 1)..])
        : throw new FormatException($"\"{VisibleText.Of(text, 64)}\" is not SPACE/NAME.");
}

/// <summary>A client on a socket: what holds locks (G10). One without a socket has an empty id, and no connection whose loss would be told: its tickets tell its grants apart.</summary>
internal readonly record struct LockHolder(string Client, string SocketId)
{
    /// <summary>As the wire has it.</summary>
    public Protocol.Origin Shown => new() { Client = Client, Socket = SocketId.Length == 0 ? null : SocketId };
}

/// <summary>Asks for a lock.</summary>
/// <param name="Name">Which.</param>
/// <param name="Holder">For whom.</param>
/// <param name="Ticket">The asker's own name for this request: tells a repetition from a second request.</param>
/// <param name="Lease">How long it is held without being renewed.</param>
/// <param name="Wait">How long to stand in line for it; zero: not at all.</param>
/// <param name="Token">The token under which the same client holds it from another socket (or any, with that grant's ticket): takes it over from there, and does nothing where it is not held so any more.</param>
internal sealed record LockRequest(LockName Name, LockHolder Holder, string Ticket, TimeSpan Lease, TimeSpan Wait, long? Token = null);

internal enum LockOutcome
{
    /// <summary>It is the asker's.</summary>
    Granted,

    /// <summary>The asker stands in line.</summary>
    Queued,

    /// <summary>Somebody else has it, and the asker did not want to wait.</summary>
    Taken,

    /// <summary>The line is as long as it may be.</summary>
    LineFull,

    /// <summary>The client holds and waits for as many locks as it may.</summary>
    TooMany,

    /// <summary>It was to be taken over, and is not held under that token any more.</summary>
    Lost,
}

/// <summary>What became of a request.</summary>
/// <param name="Outcome">Which of the six.</param>
/// <param name="Held">Who holds the lock now: the asker, where it was granted; null where nobody does.</param>
/// <param name="Position">How many are in line, up to and with the asker where it is queued.</param>
internal sealed record LockAnswer(LockOutcome Outcome, LockView? Held, int Position);

/// <summary>A held lock.</summary>
/// <param name="Holder">Who holds it.</param>
/// <param name="Token">The fencing token.</param>
/// <param name="Lease">The whole lease.</param>
/// <param name="Left">What is left of it.</param>
internal sealed record LockView(LockHolder Holder, long Token, TimeSpan Lease, TimeSpan Left);

internal enum LockEvent
{
    /// <summary>It was given to the holder.</summary>
    Granted,

    /// <summary>The holder gave it back, or is gone.</summary>
    Released,

    /// <summary>The holder's lease ended.</summary>
    Expired,

    /// <summary>It was taken from the holder by somebody with the right to.</summary>
    Broken,

    /// <summary>The same client took it over from another socket.</summary>
    TakenOver,

    /// <summary>Somebody waits for what the holder has; told once, until nobody waits.</summary>
    Contended,

    /// <summary>One that waited has waited long enough (or the store failed): it is not in line any more.</summary>
    GaveUp,
}

/// <summary>Something that happened to a lock.</summary>
/// <param name="Name">Which.</param>
/// <param name="Event">What.</param>
/// <param name="Holder">Whom it concerns: the new holder, the one that was it, or the one that waited.</param>
/// <param name="Ticket">The ticket of that one's request.</param>
/// <param name="Token">The token of the grant; 0 for one that waited.</param>
/// <param name="Lease">The lease of the grant.</param>
/// <param name="Waiting">How many are in line now.</param>
/// <param name="Waited">Whether a grant comes after waiting, so that its holder does not know yet.</param>
internal sealed record LockChange(LockName Name, LockEvent Event, LockHolder Holder, string Ticket, long Token, TimeSpan Lease, int Waiting, bool Waited);
