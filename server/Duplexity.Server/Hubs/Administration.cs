using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>
/// What a client does about its own sockets and tokens, and an administrator about those of others. The right is always the acting client's alone (G10): its own things, or those that its
/// allowance to administer covers. Thread-safe.
/// </summary>
internal sealed class Administration(SocketIndex sockets, ClusterSockets everywhere, NodeBook nodes, ForcedDisconnects disconnects, Revocations revocations, Removals removals, Standing standing, TimeProvider time, DuplexityOptions options)
{
    /// <summary>The longest that a forced disconnect keeps somebody away; whom to keep away for longer is to be disabled.</summary>
    private static readonly TimeSpan MaxBlock = TimeSpan.FromHours(24);

    /// <summary>Whose things are asked for: the acting client's own (null), another one's, or everybody's (<c>*</c>, null in <paramref name="client"/>).</summary>
    public DuplexityError? Whose(HeldIdentity acting, string? asked, out string? client)
    {
        client = asked is AllowanceRules.Everybody ? null : asked ?? acting.Client;
        return MayTouch(acting, client ?? AllowanceRules.Everybody);
    }

    /// <summary>The sockets of the acting client, or of whom it may administer.</summary>
    public async Task<ListSocketsResponse> ListSocketsAsync(HeldIdentity acting, string? asked, CancellationToken ct) => Whose(acting, asked, out var client) is { } refused
        ? new() { Error = refused }
        : new() { Sockets = await everywhere.ListAsync(client, ct) };

    /// <summary>Narrows what the acting client may do from one of its sockets.</summary>
    public async Task<LimitSocketResponse> LimitSocketAsync(HeldIdentity acting, LimitSocketRequest request, CancellationToken ct)
    {
        if (request.Allowances is { } allowances && AllowanceSets.Problem(allowances) is { } problem)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"allowances: {problem}.") };
        }

        return await everywhere.NarrowAsync(acting.Client, request.SocketId ?? "", request.Allowances, ct);
    }

    /// <summary>Ends tokens.</summary>
    public async Task<RevokeResponse> RevokeAsync(HeldIdentity acting, RevokeRequest request, CancellationToken ct)
    {
        if (request.Client is null == request.TokenId is null)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "Name a client or a tokenId, one of the two.") };
        }

        if (request.TokenId is { } tokenId)
        {
            return tokenId.Length is 0 or > Wire.MaxNameLength ? new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"tokenId has 1 to {Wire.MaxNameLength} characters.") }
                : acting.Identity.TokenId == tokenId ? Answer(await revocations.RevokeTokenAsync(tokenId, acting.Identity.ExpiresAt, ct))
                : acting.Rules.DeniesAdministering(AllowanceRules.Everybody) is { } denied ? new() { Error = denied }
                : Answer(await revocations.RevokeTokenAsync(tokenId, null, ct));
        }

        if (NotAClient(request.Client) is { } invalid)
        {
            return new() { Error = invalid };
        }

        if (request.Before is { } before && (before < 0 || before > time.GetUtcNow().ToUnixTimeMilliseconds()))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "before is a time up to now, in milliseconds since 1970 UTC; Disable is for the future.") };
        }

        // Up to a time that is past it may leave whoever asks its token, and is asked as often as it likes: every node is told.
        return (MayTouch(acting, request.Client!) ?? (request.Before is null ? null : acting.Meter.TakeCall(acting.Rules))) is { } refused
            ? new() { Error = refused }
            : Answer(await revocations.RevokeClientAsync(request.Client!, request.Before is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null, ct));
    }

    /// <summary>Disables a client or enables it.</summary>
    public async Task<RevokeResponse> DisableAsync(HeldIdentity acting, DisableRequest request, CancellationToken ct)
    {
        if (MayShutOut(acting, request.Client) is { } refused)
        {
            return new() { Error = refused };
        }

        if (request.Disabled == false)
        {
            if (standing.Removed(request.Client!) is { } removed)
            {
                return new() { Error = removed };
            }

            return Answer(await revocations.EnableAsync(request.Client!, ct));
        }

        return Answer(await revocations.DisableAsync(request.Client!, ct));
    }

    /// <summary>Removes a client for good.</summary>
    public async Task<RevokeResponse> RemoveAsync(HeldIdentity acting, RemoveClientRequest request, CancellationToken ct) => MayShutOut(acting, request.Client) is { } refused
        ? new() { Error = refused }
        : Answer(await removals.RemoveAsync(request.Client!, acting.Client, ct));

    /// <summary>Closes sockets by force.</summary>
    public async Task<ForceDisconnectResponse> ForceDisconnectAsync(HeldIdentity acting, ForceDisconnectRequest request)
    {
        if (!Address.TryRead(request.Target, out var target, out var problem))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidAddress, problem) };
        }

        if (request.BlockMs is { } ms && (ms < 0 || ms > MaxBlock.TotalMilliseconds))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"blockMs is from 0 to {MaxBlock.TotalMilliseconds:0} (a day).") };
        }

        if (acting.Meter.TakeCall(acting.Rules) is { } tooOften)
        {
            return new() { Error = tooOften };
        }

        var block = request.BlockMs is { } asked ? TimeSpan.FromMilliseconds(asked) : options.Times.Block;
        var socket = target.Kind == AddressKind.Socket ? sockets.Find(target.Name) : null;
        if (socket?.Identities.Clients is { Length: > 0 } clients && Array.TrueForAll(clients, acting.Rules.MayAdminister))
        {
            return Closed(await disconnects.CloseSocketAsync(socket.Id, request.Reason, block, acting.Client));
        }

        if (socket?.Identities.Find(acting.Client) is not null)
        {
            return Closed(await disconnects.TakeOffAsync(socket.Id, acting.Client, request.Reason, block, acting.Client));
        }

        if (target.Kind == AddressKind.Socket && socket is null && nodes.Others.Count > 0)
        {
            // It may be at another node, where everybody falls off it, or who asks alone.
            var told = acting.Rules.MayAdministerAll
                ? await disconnects.CloseSocketAsync(target.Name, request.Reason, block, acting.Client)
                : await disconnects.TakeOffAsync(target.Name, acting.Client, request.Reason, block, acting.Client);
            if (told != default)
            {
                return Closed(told);
            }
        }

        var isOwn = target.Kind == AddressKind.Client && target.Name == acting.Client;
        return isOwn || (target.Kind == AddressKind.Client && acting.Rules.MayAdminister(target.Name))
            ? Closed(await disconnects.CloseAsync(target.Name, request.Reason, isOwn ? TimeSpan.Zero : block, acting.Client))
            : new() { Error = DuplexityError.Of(Errors.Denied, "Only sockets of your own can be closed, by socket:ID or client:CID.") };
    }

    private static RevokeResponse Answer(Told told) => new() { Connections = told.Hit, Pending = told.Pending };

    private static ForceDisconnectResponse Closed(Told told) => new() { Sockets = told.Hit, Pending = told.Pending };

    private static DuplexityError? NotAClient(string? client) => Address.IsClientId(client)
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, $"\"{VisibleText.Of(client ?? "", Address.MaxClientLength)}\" cannot be a client.");

    private static DuplexityError? MayShutOut(HeldIdentity acting, string? client) => NotAClient(client) ?? acting.Rules.DeniesAdministering(client!) ?? (client == acting.Client
        ? DuplexityError.Of(Errors.InvalidRequest, "Nobody disables or removes itself: it could not undo it.")
        : null);

    private static DuplexityError? MayTouch(HeldIdentity acting, string client) => client == acting.Client ? null : acting.Rules.DeniesAdministering(client);
}
