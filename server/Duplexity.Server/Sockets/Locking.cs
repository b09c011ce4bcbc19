using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.Sockets;

/// <summary>
/// What a socket does with locks, and how it is told what happens to them. Locks belong to a client on a socket (G10): they fall with that client there, and outlive a socket that is merely lost until
/// their lease ends. Who has no socket holds them by token and lease alone, and asks again with its ticket to learn what became of a wait. No call waits for a holder (G11). Thread-safe.
/// </summary>
internal sealed class Locking(IEngine engine, SocketIndex sockets, Lockspaces lockspaces, ListenerGates listeners, Standing standing, DuplexityOptions options) : ILockHandler, IHostedService
{
    /// <summary>The shortest lease: a client renews three times in it, and needs the time for that.</summary>
    private static readonly TimeSpan MinLease = TimeSpan.FromSeconds(1);

    public Task StartAsync(CancellationToken cancellationToken) => engine.Locks.StartAsync(this, cancellationToken).AsTask();

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Asks for a lock, or stands in line for it: as much as a message, for the client's rate. Renewing it and giving it back cost nothing, so that who has used its rate loses no lock by that and keeps none.</summary>
    public async Task<AcquireLockResponse> AcquireAsync(Socket? socket, HeldIdentity held, AcquireLockRequest request)
    {
        var (lease, wait) = (options.Locks.Lease, TimeSpan.Zero);
        if ((Read(held, request.Lockspace, request.Name, out var name) ?? ReadTimes(request, ref lease, ref wait) ?? held.Meter.TakeCall(held.Rules)) is { } error)
        {
            return new() { Error = error };
        }

        if (await listeners.CheckAsync(held.SenderFrom(socket?.Id, socket?.Line), Address.Lockspace(name.Space), Operation.Lock) is { } kept)
        {
            return new() { Error = kept };
        }

        var holder = HolderOf(socket, held);
        var ticket = request.Ticket ?? Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
        var answer = await engine.Locks.AcquireAsync(new LockRequest(name, holder, ticket, lease, wait, request.Token));
        return await EndIfGoneAsync(socket, held, name, ticket, answer) ? new() { Error = IdentityChanges.Refused() } : Answer(answer, name, held.Client, ticket);
    }

    /// <summary>Lets a lease begin anew.</summary>
    public async Task<RenewLockResponse> RenewAsync(Socket? socket, HeldIdentity held, RenewLockRequest request)
    {
        if ((Read(held, request.Lockspace, request.Name, out var name) ?? (request.Token is null ? Missing("token") : null)) is { } error)
        {
            return new() { Error = error };
        }

        return await engine.Locks.RenewAsync(name, HolderOf(socket, held), request.Token!.Value) && engine.Locks.Find(name) is { } view
            ? new() { LeaseMs = (long)view.Lease.TotalMilliseconds }
            : new() { Error = NotHeld(name) };
    }

    /// <summary>Gives a lock back, or stops waiting for it.</summary>
    public async Task<Done> ReleaseAsync(Socket? socket, HeldIdentity held, ReleaseLockRequest request)
    {
        // Whoever lost the right to lock still gives back what it has.
        if (ReadName(request.Lockspace, request.Name, out var name) is { } error)
        {
            return new() { Error = error };
        }

        if (request.Token is null == request.Ticket is null)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "Name the token of a lock that is held, or the ticket of a request that waits, one of the two.") };
        }

        var holder = HolderOf(socket, held);
        var isDone = request.Token is { } token ? await engine.Locks.ReleaseAsync(name, holder, token) : await engine.Locks.WithdrawAsync(name, holder, request.Ticket!);
        return isDone ? new() : new() { Error = NotHeld(name) };
    }

    /// <summary>Takes a lock from whoever holds it.</summary>
    public async Task<Done> BreakAsync(HeldIdentity acting, BreakLockRequest request, CancellationToken ct)
    {
        if ((ReadName(request.Lockspace, request.Name, out var name) ?? MayBreak(acting, name) ?? acting.Meter.TakeCall(acting.Rules)) is { } error)
        {
            return new() { Error = error };
        }

        return await engine.Locks.BreakAsync(name, ct) ? new() : new() { Error = DuplexityError.Of(Errors.StaleToken, $"Nobody holds {Shown(name)}.") };
    }

    /// <summary>Who holds a lock; null: nobody. The token is for its holder, and for who may break it.</summary>
    public async Task<(LockInfo? Lock, DuplexityError? Error)> ReadAsync(HeldIdentity held, string? space, string? lockName)
    {
        if (Read(held, space, lockName, out var name) is { } error)
        {
            return (null, error);
        }

        if (await listeners.CheckAsync(held.SenderFrom(null), Address.Lockspace(name.Space), Operation.Receive) is { } kept)
        {
            return (null, kept);
        }

        return (engine.Locks.Find(name) is { } view
            ? new LockInfo
            {
                Holder = view.Holder.Shown,
                Token = view.Holder.Client == held.Client || MayBreak(held, name) is null ? view.Token : null,
                LeaseMs = (long)view.Lease.TotalMilliseconds,
                FreesInMs = (long)view.Left.TotalMilliseconds,
            }
            : null, null);
    }

    /// <summary>Which gates refuse a client locks in a lockspace, in order; an error that is null lets pass.</summary>
    public static (string Gate, DuplexityError? Error)[] GatesOf(HeldIdentity held, Address address) =>
    [
        ("channel", address.Kind == AddressKind.Lockspace ? null : DuplexityError.Of(Errors.InvalidAddress, "Locks are in lockspaces: write lockspace:NAME.")),
        ("scope", held.Rules.MayJoin(address) ? null : DuplexityError.Of(Errors.UnknownDestination, ScopeGate.Uncovered("join", held.Rules.Shown.Join, address.ToString()))),
    ];

    /// <inheritdoc/>
    public void OnLockChanged(LockChange change)
    {
        // What the answer to the holder's own call says is not said again.
        var isAnswered = change is { Event: LockEvent.Granted, Waited: false } or { Event: LockEvent.Released };
        if (!isAnswered && sockets.Find(change.Holder.SocketId) is { } socket)
        {
            socket.Queue.Send(nameof(IDataClient.LockChanged), OnTheWire(change) with { Ticket = change.Ticket });
        }

        // Who waited in vain is nobody else's business.
        if (change.Event != LockEvent.GaveUp)
        {
            lockspaces.Tell(change.Name.Space, "duplexity.lock", OnTheWire(change), change.Holder.Client, once: $"{change.Name}\n{change.Event}\n{change.Token}\n{change.Holder}\n{change.Ticket}");
        }
    }

    private static LockHolder HolderOf(Socket? socket, HeldIdentity held) => new(held.Client, socket?.Id ?? "");

    private DuplexityError? MayBreak(HeldIdentity acting, LockName name) => lockspaces.Find(name.Space)?.Owner == acting.Client ? null : acting.Rules.DeniesAdministering(AllowanceRules.Everybody);

    /// <summary>Who asked may be gone since: its end may have been before the lock was its own. True where somebody without a socket is to hear of it.</summary>
    private async ValueTask<bool> EndIfGoneAsync(Socket? socket, HeldIdentity held, LockName name, string ticket, LockAnswer answer)
    {
        if (socket is null)
        {
            if (!held.IsServer && standing.Problem(held.Identity) is not null)
            {
                var holder = HolderOf(null, held);
                await (answer is { Outcome: LockOutcome.Granted, Held: { } own } ? engine.Locks.ReleaseAsync(name, holder, own.Token) : engine.Locks.WithdrawAsync(name, holder, ticket));
                return true;
            }
        }
        else if (socket.Identities.Find(held.Client) is null)
        {
            await engine.Locks.DropAsync(held.Client, socket.Id);
        }
        else if (socket.IsClosing)
        {
            await engine.Locks.LoseAsync(socket.Id);
        }

        return false;
    }

    /// <summary>What happened, as everybody may know it.</summary>
    private static LockChangedEvent OnTheWire(LockChange change) => new()
    {
        Lockspace = change.Name.Space,
        Name = change.Name.Name,
        State = Word(change.Event),
        Holder = change.Holder.Shown,
        Token = change.Event == LockEvent.GaveUp ? null : change.Token,
        LeaseMs = change.Event == LockEvent.Granted ? (long)change.Lease.TotalMilliseconds : null,
        Waiting = change.Waiting,
    };

    private static string Word(LockEvent what) => what switch
    {
        LockEvent.Granted => LockState.Granted,
        LockEvent.Released => LockState.Released,
        LockEvent.Expired => LockState.Expired,
        LockEvent.Broken => LockState.Broken,
        LockEvent.TakenOver => LockState.TakenOver,
        LockEvent.Contended => LockState.Contended,
        _ => LockState.GaveUp,
    };

    private AcquireLockResponse Answer(LockAnswer answer, LockName name, string client, string ticket)
    {
        var held = answer.Held;
        var isGranted = answer.Outcome == LockOutcome.Granted;
        return answer.Outcome switch
        {
            LockOutcome.LineFull => new() { Error = Full($"{options.Locks.Waiters} requests wait for {Shown(name)} already; try again later.", "lock_waiters", options.Locks.Waiters) },
            LockOutcome.TooMany => new() { Error = Full($"This client holds and waits for {options.Locks.PerClient} locks already; release one first.", "locks_per_client", options.Locks.PerClient) },
            LockOutcome.Lost => new() { Error = NotHeld(name) },
            _ => new()
            {
                State = isGranted ? LockState.Granted : answer.Outcome == LockOutcome.Queued ? LockState.Queued : LockState.Taken,
                Ticket = ticket,
                Token = isGranted || held?.Holder.Client == client ? held?.Token : null,
                LeaseMs = isGranted ? (long)held!.Lease.TotalMilliseconds : null,
                Position = isGranted ? null : answer.Position,
                Holder = isGranted ? null : held?.Holder.Client,
                FreesInMs = isGranted ? null : (long?)held?.Left.TotalMilliseconds,
            },
        };
    }

    private static DuplexityError? Read(HeldIdentity held, string? space, string? name, out LockName read)
    {
        if (ReadName(space, name, out read) is { } error)
        {
            return error;
        }

        var address = Address.Lockspace(read.Space);
        return Array.Find(GatesOf(held, address), g => g.Error is not null) is { Error: not null } refused ? NotThere(address) with { Gate = refused.Gate } : null;
    }

    private static DuplexityError? ReadName(string? space, string? name, out LockName read)
    {
        read = default;
        if (!Address.TryRead($"lockspace:{space}", out var address, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidAddress, problem);
        }

        // A lock's name is as a lockspace's, and together they fit where an address does.
        if (name is null or "" || name.Contains('/') || !Address.TryRead($"lockspace:{address.Name}/{name}", out var whole, out problem))
        {
            return DuplexityError.Of(Errors.InvalidRequest, "name is the name of a lock: without white space, control characters and slashes, and short enough to be part of an address.");
        }

        read = LockName.Parse(whole.Name);
        return null;
    }

    private DuplexityError? ReadTimes(AcquireLockRequest request, ref TimeSpan lease, ref TimeSpan wait)
    {
        var (most, longest) = (options.Locks.MaxLease.TotalMilliseconds, options.Locks.MaxWait.TotalMilliseconds);
        if (request.LeaseMs is { } leaseMs && (leaseMs < MinLease.TotalMilliseconds || leaseMs > most))
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"leaseMs is from {MinLease.TotalMilliseconds:0} to {most:0}.");
        }

        if (request.WaitMs is { } waitMs && (waitMs < 0 || waitMs > longest))
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"waitMs is from 0 to {longest:0}.");
        }

        (lease, wait) = (request.LeaseMs is { } l ? TimeSpan.FromMilliseconds(l) : lease, TimeSpan.FromMilliseconds(request.WaitMs ?? 0));
        return request.Ticket is { Length: 0 or > Wire.MaxNameLength } ? DuplexityError.Of(Errors.InvalidRequest, $"ticket has 1 to {Wire.MaxNameLength} characters.") : null;
    }

    private static DuplexityError Full(string sentence, string limit, int used) => DuplexityError.Of(Errors.TooManyLocks, sentence) with { Limit = limit, Used = used };

    private static DuplexityError Missing(string field) => DuplexityError.Of(Errors.InvalidRequest, $"{field} is missing.");

    private static DuplexityError NotHeld(LockName name) =>
        DuplexityError.Of(Errors.StaleToken, $"{Shown(name)} is not held so, or not any more, by this client from here; acquire it again.");

    private static DuplexityError NotThere(Address address)
    {
        var shown = VisibleText.Of(address.ToString());
        return DuplexityError.Of(Errors.UnknownDestination, $"{shown} is not there, or is not yours to take locks in; `duplexity explain lock {shown}` shows which gate refuses.");
    }

    private static string Shown(LockName name) => VisibleText.Of(name.ToString(), Address.MaxBytes);
}
