using System.Collections.Immutable;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>Making lockspaces, and letting those out whom they hold. The right is the acting client's alone (G10): its own lockspaces, or everybody's for who may administer everybody. Thread-safe.</summary>
internal sealed class LockspaceCalls(Lockspaces lockspaces, Holdings holdings, Membership membership, Listening listening, SocketIndex sockets, DuplexityOptions options)
{
    private const int MaxTask = 1024;

    /// <summary>How many clients one lockspace has admitted at most.</summary>
    private const int MaxAdmitted = 1_000;

    public async Task<Done> CreateAsync(HeldIdentity acting, CreateLockspaceRequest request, CancellationToken ct)
    {
        if (!Address.TryRead($"lockspace:{request.Name}", out var address, out var problem))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidAddress, problem) };
        }

        if (!acting.Rules.MayJoin(address))
        {
            return new() { Error = JoinGates.NotThere(address) };
        }

        if (request.Key is { Length: 0 or > Wire.MaxNameLength } || request.Task?.Length > MaxTask)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"key has 1 to {Wire.MaxNameLength} characters, task at most {MaxTask}.") };
        }

        if (request.Hold != true && (request.Key ?? request.Task) is not null)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "key and task are for a lockspace that holds; say hold as well.") };
        }

        if (acting.Meter.TakeCall(acting.Rules) is { } tooOften)
        {
            return new() { Error = tooOften };
        }

        if (lockspaces.Find(address.Name) is null && lockspaces.MadeBy(acting.Client).Length >= options.Locks.SpacesPerClient)
        {
            return new() { Error = DuplexityError.Of(Errors.TooManyLockspaces, $"This client has made {options.Locks.SpacesPerClient} lockspaces already; remove one first.") with { Limit = "lockspaces_per_client", Used = options.Locks.SpacesPerClient } };
        }

        var made = await lockspaces.ChangeAsync(address.Name, there => there is null || there.Owner == acting.Client ? Made(there?.Admitted ?? []) : null, ct);
        if (made?.Owner != acting.Client)
        {
            return new() { Error = DuplexityError.Of(Errors.NameTaken, $"{VisibleText.Of(address.ToString(), Address.MaxBytes)} was made by somebody else; choose another name.") };
        }

        if (!made.Holds)
        {
            membership.Free(holdings.PairsIn(made.Name, null, null), made.Name, MemberChange.Released);
        }

        return new();

        MadeLockspace Made(ImmutableArray<string> admitted) =>
            new(address.Name, acting.Client, request.Channel == true, request.Hold == true, request.Key is { } key ? MadeLockspace.Hash(key) : null, request.Task, admitted);
    }

    public async Task<Done> RemoveAsync(HeldIdentity acting, RemoveLockspaceRequest request, CancellationToken ct)
    {
        if ((Own(acting, request.Name, out var made) ?? acting.Meter.TakeCall(acting.Rules)) is { } refused)
        {
            return new() { Error = refused };
        }

        membership.Free(holdings.PairsIn(made.Name, null, null), made.Name, MemberChange.Released);
        await lockspaces.RemoveAsync(made.Name, ct);
        return new();
    }

    public async Task<HeldResponse> AdmitAsync(HeldIdentity acting, AdmitRequest request, CancellationToken ct)
    {
        if ((Own(acting, request.Lockspace, out var made) ?? NotAClient(request.Client) ?? acting.Meter.TakeCall(acting.Rules)) is { } refused)
        {
            return new() { Error = refused };
        }

        var owner = made.Owner;
        var after = await lockspaces.ChangeAsync(
            made.Name, there => there?.Owner != owner || there.Admitted.Contains(request.Client!) || there.Admitted.Length >= MaxAdmitted ? null : there with { Admitted = there.Admitted.Add(request.Client!) }, ct);
        if (after?.Owner != owner)
        {
            return new() { Error = NotThere(Address.Lockspace(made.Name)) };
        }

        if (!after.Admitted.Contains(request.Client!))
        {
            return new() { Error = DuplexityError.Of(Errors.TooManyLockspaces, $"This lockspace has admitted {MaxAdmitted} clients already; make one that does not hold.") with { Limit = "admitted_per_lockspace", Used = MaxAdmitted } };
        }

        return new() { Sockets = membership.Free(holdings.PairsIn(made.Name, request.Client, null), made.Name, MemberChange.Admitted) };
    }

    public HeldResponse Release(HeldIdentity acting, ReleaseRequest request) => (Own(acting, request.Lockspace, out var made) ?? NotAClient(request.Client)) is { } refused
        ? new() { Error = refused }
        : new() { Sockets = membership.Free(holdings.PairsIn(made.Name, request.Client, request.SocketId), made.Name, MemberChange.Released) };

    public HeldResponse ReleaseTo(HeldIdentity acting, ReleaseToRequest request) => (Own(acting, request.Lockspace, out var made) ?? NotAClient(request.Client)) is { } refused
        ? new() { Error = refused }
        : new() { Sockets = membership.Change(holdings.PairsIn(made.Name, request.Client, request.SocketId), pair => holdings.ReleaseTo(pair, made.Name), made.Name, MemberChange.Released) };

    public async Task<HeldResponse> MoveToAsync(HeldIdentity acting, MoveToRequest request)
    {
        if ((Own(acting, request.Lockspace, out var origin) ?? Own(acting, request.To, out _) ?? NotAClient(request.Client) ?? acting.Meter.TakeCall(acting.Rules)) is { } refused)
        {
            return new() { Error = refused };
        }

        var to = lockspaces.Find(Address.Lockspace(request.To!).Name)!;
        if (!to.Holds)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "The lockspace that it is to be moved to does not hold; release it instead.") };
        }

        var moved = new List<HeldPair>();
        var count = membership.Change(holdings.PairsIn(origin.Name, request.Client, request.SocketId), Move, origin.Name, MemberChange.Moved);
        foreach (var pair in origin.Name == to.Name ? [] : moved)
        {
            // It is there as well, and not only held from there: it hears what is said to it.
            if (sockets.Find(pair.SocketId) is { } socket && socket.Identities.Find(pair.Client) is { } held)
            {
                await listening.MoveAsync(socket, held, Address.Lockspace(origin.Name), Address.Lockspace(to.Name));
            }
        }

        return new() { Sockets = count };

        bool Move(HeldPair pair)
        {
            var isMoved = holdings.Move(pair, origin.Name, to.Name);
            if (isMoved)
            {
                moved.Add(pair);
            }

            return isMoved;
        }
    }

    // Of a lockspace of somebody else nothing is told, not even that it is there.
    private DuplexityError? Own(HeldIdentity acting, string? name, out MadeLockspace made)
    {
        made = null!;
        if (!Address.TryRead($"lockspace:{name}", out var address, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidAddress, problem);
        }

        made = lockspaces.Find(address.Name)!;
        return made is not null && (made.Owner == acting.Client || acting.Rules.MayAdministerAll)
            ? null
            : NotThere(address);
    }

    private static DuplexityError NotThere(Address address) => DuplexityError.Of(Errors.UnknownDestination, $"{VisibleText.Of(address.ToString(), Address.MaxBytes)} is not there, or is not yours.");

    private static DuplexityError? NotAClient(string? client) => Address.IsClientId(client) ? null : DuplexityError.Of(Errors.InvalidRequest, "client is missing, or cannot be a client.");
}
