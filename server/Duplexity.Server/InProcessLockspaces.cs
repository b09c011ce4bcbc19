using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using Duplexity.Server.Sockets;
using static Duplexity.Server.ApplicationActing;

namespace Duplexity.Server;

/// <inheritdoc/>
internal sealed class InProcessLockspaces(LockspaceCalls lockspaces, Locking locks, ApplicationActing acting) : IDuplexityLockspaces
{
    public async Task CreateAsync(string name, bool channel = false, bool hold = false, string? key = null, string? task = null, string? owner = null, CancellationToken ct = default) =>
        Accepted(await lockspaces.CreateAsync(acting.As(owner), new CreateLockspaceRequest { Name = name, Channel = channel, Hold = hold, Key = key, Task = task }, ct));

    public async Task RemoveAsync(string name, CancellationToken ct = default) => Accepted(await lockspaces.RemoveAsync(Itself, new RemoveLockspaceRequest { Name = name }, ct));

    public async Task<int> AdmitAsync(string lockspace, string client, CancellationToken ct = default) =>
        Accepted(await lockspaces.AdmitAsync(Itself, new AdmitRequest { Lockspace = lockspace, Client = client }, ct)).Sockets!.Value;

    public Task<int> ReleaseAsync(string lockspace, string client, string? socketId = null, CancellationToken ct = default) =>
        Counted(lockspaces.Release(Itself, new ReleaseRequest { Lockspace = lockspace, Client = client, SocketId = socketId }));

    public Task<int> ReleaseToAsync(string lockspace, string client, string? socketId = null, CancellationToken ct = default) =>
        Counted(lockspaces.ReleaseTo(Itself, new ReleaseToRequest { Lockspace = lockspace, Client = client, SocketId = socketId }));

    public async Task<int> MoveToAsync(string lockspace, string to, string client, string? socketId = null, CancellationToken ct = default) =>
        Accepted(await lockspaces.MoveToAsync(Itself, new MoveToRequest { Lockspace = lockspace, To = to, Client = client, SocketId = socketId })).Sockets!.Value;

    public async Task<AcquireLockResponse> AcquireLockAsync(string lockspace, string name, TimeSpan? lease = null, TimeSpan? wait = null, string? ticket = null, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        return Accepted(await locks.AcquireAsync(null, Itself, new AcquireLockRequest { Lockspace = lockspace, Name = name, LeaseMs = Milliseconds(lease), WaitMs = Milliseconds(wait), Ticket = ticket }));
    }

    public async Task RenewLockAsync(string lockspace, string name, long token, CancellationToken ct = default) =>
        Accepted(await locks.RenewAsync(null, Itself, new RenewLockRequest { Lockspace = lockspace, Name = name, Token = token }));

    public async Task ReleaseLockAsync(string lockspace, string name, long token, CancellationToken ct = default) =>
        Accepted(await locks.ReleaseAsync(null, Itself, new ReleaseLockRequest { Lockspace = lockspace, Name = name, Token = token }));

    public async Task WithdrawLockAsync(string lockspace, string name, string ticket, CancellationToken ct = default) =>
        Accepted(await locks.ReleaseAsync(null, Itself, new ReleaseLockRequest { Lockspace = lockspace, Name = name, Ticket = ticket }));

    public async Task BreakLockAsync(string lockspace, string name, CancellationToken ct = default) => Accepted(await locks.BreakAsync(Itself, new BreakLockRequest { Lockspace = lockspace, Name = name }, ct));

    public async Task<LockInfo?> FindLockAsync(string lockspace, string name, CancellationToken ct = default)
    {
        var (found, refused) = await locks.ReadAsync(Itself, lockspace, name);
        return refused is null ? found : throw new DuplexityException(refused);
    }

    private static Task<int> Counted(HeldResponse answer) => Task.FromResult(Accepted(answer).Sockets!.Value);

    private static long? Milliseconds(TimeSpan? time) => (long?)time?.TotalMilliseconds;
}
