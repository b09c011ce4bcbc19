using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Api;

/// <summary>
/// Lockspaces and locks: what the hubs do, asked by HTTP. Who has no socket is in no lockspace and held by none; it makes them, lets others out, and holds locks by token and lease.
/// </summary>
internal sealed class LockspaceRoutes(LockspaceCalls lockspaces, Locking locks)
{
    private static readonly ApiParameter Lockspace = new("lockspace", "string", "The lockspace's name, without `lockspace:`; a slash in it is written `%2F`.", IsInPath: true);

    public ApiRoute[] All { get; } =
    [
        new("POST", "/lockspaces", "createLockspace", "Makes a lockspace, or changes one that the acting client has made.", typeof(Done))
        {
            Takes = typeof(CreateLockspaceRequest), Needs = ["name"], Handle = async call => await lockspaces.CreateAsync(call.Acting, await call.ReadAsync<CreateLockspaceRequest>(), CancellationToken.None),
        },
        new("DELETE", "/lockspaces/{lockspace}", "removeLockspace", "Forgets a lockspace: whoever it holds is released.", typeof(Done)) { Parameters = [Lockspace], Handle = RemoveAsync(lockspaces) },
        new("POST", "/members/admit", "admit", "Admits a client to come and go in a lockspace of the acting client: it is not held any more, now and later.", typeof(HeldResponse))
        {
            Takes = typeof(AdmitRequest), Needs = ["lockspace", "client"], Handle = async call => await lockspaces.AdmitAsync(call.Acting, await call.ReadAsync<AdmitRequest>(), CancellationToken.None),
        },
        new("POST", "/members/release", "release", "Lets a client out of a lockspace, this once.", typeof(HeldResponse))
        {
            Takes = typeof(ReleaseRequest), Needs = ["lockspace", "client"], Handle = async call => lockspaces.Release(call.Acting, await call.ReadAsync<ReleaseRequest>()),
        },
        new("POST", "/members/release-to", "releaseTo", "Brings a client back to a lockspace, out of those that it entered from there.", typeof(HeldResponse))
        {
            Takes = typeof(ReleaseToRequest), Needs = ["lockspace", "client"], Handle = async call => lockspaces.ReleaseTo(call.Acting, await call.ReadAsync<ReleaseToRequest>()),
        },
        new("POST", "/members/move-to", "moveTo", "Moves a client from one lockspace that holds it to another one.", typeof(HeldResponse))
        {
            Takes = typeof(MoveToRequest), Needs = ["lockspace", "to", "client"], Handle = async call => await lockspaces.MoveToAsync(call.Acting, await call.ReadAsync<MoveToRequest>()),
        },
        new("POST", "/locks/acquire", "acquireLock", "Asks for a lock; never waits. With `waitMs` it stands in line: ask again with the same `ticket` to learn what became of it. Renew it well before its lease is over, and send `under` its token.", typeof(AcquireLockResponse))
        {
            Takes = typeof(AcquireLockRequest), Needs = ["lockspace", "name"], Handle = async call => await locks.AcquireAsync(null, call.Acting, await call.ReadAsync<AcquireLockRequest>()),
        },
        new("POST", "/locks/renew", "renewLock", "Lets the lease of a lock that was taken by HTTP begin anew.", typeof(RenewLockResponse))
        {
            Takes = typeof(RenewLockRequest), Needs = ["lockspace", "name", "token"], Handle = async call => await locks.RenewAsync(null, call.Acting, await call.ReadAsync<RenewLockRequest>()),
        },
        new("POST", "/locks/release", "releaseLock", "Gives a lock that was taken by HTTP back (with its token), or stops waiting for it (with the ticket).", typeof(Done))
        {
            Takes = typeof(ReleaseLockRequest), Needs = ["lockspace", "name"], Handle = async call => await locks.ReleaseAsync(null, call.Acting, await call.ReadAsync<ReleaseLockRequest>()),
        },
        new("POST", "/locks/break", "breakLock", "Takes a lock from whoever holds it: for who made the lockspace, and for who may administer everybody.", typeof(Done))
        {
            Takes = typeof(BreakLockRequest), Needs = ["lockspace", "name"], Handle = async call => await locks.BreakAsync(call.Acting, await call.ReadAsync<BreakLockRequest>(), CancellationToken.None),
        },
        new("GET", "/lockspaces/{lockspace}/locks/{lock}", "readLock", "Who holds a lock.", typeof(ApiLockResponse)) { Parameters = [Lockspace, new("lock", "string", "The lock's name.", IsInPath: true)], Handle = ReadAsync(locks) },
    ];

    private static Func<ApiCall, Task<Answer>> RemoveAsync(LockspaceCalls lockspaces) => async call =>
    {
        await call.ReadNothingAsync();
        return await lockspaces.RemoveAsync(call.Acting, new RemoveLockspaceRequest { Name = call.Path("lockspace") }, CancellationToken.None);
    };

    private static Func<ApiCall, Task<Answer>> ReadAsync(Locking locks) => async call =>
    {
        var (held, refused) = await locks.ReadAsync(call.Acting, call.Path("lockspace"), call.Path("lock"));
        return new ApiLockResponse { Lock = held, Error = refused };
    };
}
