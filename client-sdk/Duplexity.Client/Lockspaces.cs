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

/// <summary>The lockspaces that this client makes, and who is held in them. The first use opens the control connection. Thread-safe.</summary>
public sealed class Lockspaces
{
    private readonly DuplexityConnection _connection;
    private readonly Calls<ControlLink> _control;

    internal Lockspaces(DuplexityConnection connection, Calls<ControlLink> control)
    {
        (_connection, _control) = (connection, control);
    }

    /// <summary>Raised when a lockspace holds a client of this connection, another one does, or none any more; on the thread that read it from the connection: be brief. An exception is logged.</summary>
    public event Action<HeldChangedEvent>? HeldChanged;

    /// <summary>Makes a lockspace, or changes one that this client has made.</summary>
    /// <exception cref="DuplexityException">It was refused: <see cref="Errors.NameTaken"/> where somebody else made it. Or there was no answer in time.</exception>
    public Task CreateAsync(string name, LockspaceOptions? options = null, CancellationToken ct = default)
    {
        options ??= new();
        var request = new CreateLockspaceRequest { Name = name, Channel = options.Channel, Hold = options.Hold, Key = options.Key, Task = options.Task };
        return AskAsync(c => c.Hub.CreateLockspace(request with { As = c.Client }), ct);
    }

    /// <summary>Forgets a lockspace; whoever it holds is released.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public Task RemoveAsync(string name, CancellationToken ct = default) => AskAsync(c => c.Hub.RemoveLockspace(new() { As = c.Client, Name = name }), ct);

    /// <summary>Admits a client to come and go. Answers on how many sockets it was held.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> AdmitAsync(string lockspace, string client, CancellationToken ct = default) =>
        (await AskAsync(c => c.Hub.Admit(new() { As = c.Client, Lockspace = lockspace, Client = client }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Lets a client out this once, on one socket or on all. Answers on how many.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> ReleaseAsync(string lockspace, string client, string? socketId = null, CancellationToken ct = default) =>
        (await AskAsync(c => c.Hub.Release(new() { As = c.Client, Lockspace = lockspace, Client = client, SocketId = socketId }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Brings a client back to a lockspace, out of those that it entered from there. Answers on how many sockets.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> ReleaseToAsync(string lockspace, string client, string? socketId = null, CancellationToken ct = default) =>
        (await AskAsync(c => c.Hub.ReleaseTo(new() { As = c.Client, Lockspace = lockspace, Client = client, SocketId = socketId }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Moves a client from one lockspace that holds it to another one. Answers on how many sockets.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> MoveToAsync(string lockspace, string to, string client, string? socketId = null, CancellationToken ct = default) =>
        (await AskAsync(c => c.Hub.MoveTo(new() { As = c.Client, Lockspace = lockspace, To = to, Client = client, SocketId = socketId }), ct).ConfigureAwait(false)).Sockets ?? 0;

    /// <summary>Takes a lock from whoever holds it: in a lockspace that this client made, or as who may administer everybody.</summary>
    /// <exception cref="DuplexityException">It was refused, nobody holds it (<see cref="Errors.StaleToken"/>), or there was no answer in time.</exception>
    public Task BreakLockAsync(string lockspace, string name, CancellationToken ct = default) =>
        AskAsync(c => c.Hub.BreakLock(new() { As = c.Client, Lockspace = lockspace, Name = name }), ct);

    internal void Apply(HeldChangedEvent changed) => HeldChanged?.Invoke(changed);

    private async Task<TAnswer> AskAsync<TAnswer>(Func<ControlLink, Task<TAnswer>> call, CancellationToken ct)
        where TAnswer : Answer
    {
        _connection.NeedControl();
        return (await _control.AskAsync(call, ct).ConfigureAwait(false)).Answer;
    }
}
