using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>What a lockspace is made with. Nothing set: members and locks, as one that nobody made has.</summary>
public sealed record LockspaceOptions
{
    /// <summary>Whether it has an open channel: its address takes messages, and tells what happens to its members and locks.</summary>
    public bool Channel { get; init; }

    /// <summary>Whether it holds whoever enters, its owner and the admitted apart: as that client, that socket sends to the lockspace alone until it is released.</summary>
    public bool Hold { get; init; }

    /// <summary>With <see cref="Hold"/>: lets out who leaves with it, 1 to 128 characters; null: there is none.</summary>
    public string? Key { get; init; }

    /// <summary>With <see cref="Hold"/>: what is to be done there, told to who enters, at most 1,024 characters.</summary>
    public string? Task { get; init; }
}

/// <summary>The lockspaces that a client of this connection makes, and who is held in them. The first use opens the control connection. Thread-safe.</summary>
public sealed class Lockspaces
{
    private readonly ControlCalls _control;

    internal Lockspaces(ControlCalls control)
    {
        _control = control;
    }

    /// <summary>Raised when a lockspace holds a client of this connection, another one does, or none any more; on the thread that read it from the connection: be brief. An exception is logged.</summary>
    public event Action<HeldChangedEvent>? HeldChanged;

    /// <summary>Makes a lockspace, or changes one that the acting client has made.</summary>
    /// <param name="name">Its name, without <c>lockspace:</c>.</param>
    /// <param name="lockspace">What it is like; null: members and locks, as one that nobody made has.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It was refused: <see cref="Errors.NameTaken"/> where somebody else made it. Or there was no answer in time.</exception>
    public Task CreateAsync(string name, LockspaceOptions? lockspace = null, AskOptions? options = null, CancellationToken ct = default)
    {
        lockspace ??= new();
        var request = new CreateLockspaceRequest { Name = name, Channel = lockspace.Channel, Hold = lockspace.Hold, Key = lockspace.Key, Task = lockspace.Task };
        return _control.AskAsync(options, (hub, acting) => hub.CreateLockspace(request with { As = acting }), ct);
    }

    /// <summary>Forgets a lockspace; whoever it holds is released.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task RemoveAsync(string name, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, acting) => hub.RemoveLockspace(new() { As = acting, Name = name }), ct);

    /// <summary>Admits a client to come and go. Answers on how many sockets it was held.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> AdmitAsync(string lockspace, string client, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, acting) => hub.Admit(new() { As = acting, Lockspace = lockspace, Client = client }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Lets a client out this once, on one socket or on all. Answers on how many.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> ReleaseAsync(string lockspace, string client, string? socketId = null, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, acting) => hub.Release(new() { As = acting, Lockspace = lockspace, Client = client, SocketId = socketId }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Brings a client back to a lockspace, out of those that it entered from there. Answers on how many sockets.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> ReleaseToAsync(string lockspace, string client, string? socketId = null, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, acting) => hub.ReleaseTo(new() { As = acting, Lockspace = lockspace, Client = client, SocketId = socketId }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Moves a client from one lockspace that holds it to another one. Answers on how many sockets.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> MoveToAsync(string lockspace, string to, string client, string? socketId = null, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, acting) => hub.MoveTo(new() { As = acting, Lockspace = lockspace, To = to, Client = client, SocketId = socketId }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Takes a lock from whoever holds it: in a lockspace that the acting client made, or as who may administer everybody.</summary>
    /// <exception cref="DuplexityException">It was refused, nobody holds it (<see cref="Errors.StaleToken"/>), or there was no answer in time.</exception>
    public Task BreakLockAsync(string lockspace, string name, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, acting) => hub.BreakLock(new() { As = acting, Lockspace = lockspace, Name = name }), ct);

    internal void Apply(HeldChangedEvent changed) => HeldChanged?.Invoke(changed);
}
