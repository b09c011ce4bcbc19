using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>
/// Authenticate, Refresh and Drop, the same on both hubs, and SetPrimary on data: in the connection's own line of changes, answered when they are in force (G10). One that names
/// <c>as</c> may concern that identity only.
/// </summary>
internal sealed class IdentityCalls(TokenReader tokens, IdentityChanges changes, Standing standing)
{
    public Task<IdentityResponse> AuthenticateAsync(IIdentityHolder holder, string? session, AuthenticateRequest request, CancellationToken ct) =>
        holder.Identities.ChangeAsync(async () =>
        {
            if (await tokens.ReadAsync(request.Token, ct) is not { } identity)
            {
                return new IdentityResponse { Error = IdentityChanges.Refused() };
            }

            return standing.Block(identity.Client, session) is { } blocked
                ? new IdentityResponse { Error = blocked }
                : await changes.AddAsync(holder, identity);
        });

    public Task<IdentityResponse> RefreshAsync(IIdentityHolder holder, RefreshRequest request, CancellationToken ct) =>
        holder.Identities.ChangeAsync(async () =>
        {
            if (await tokens.ReadAsync(request.Token, ct) is not { } identity)
            {
                return new IdentityResponse { Error = IdentityChanges.Refused() };
            }

            return NotItself(request, identity.Client) is { } other ? new IdentityResponse { Error = other } : await changes.RefreshAsync(holder, identity);
        });

    public Task<Done> DropAsync(IIdentityHolder holder, DropRequest request) =>
        holder.Identities.ChangeAsync(() => NotItself(request, request.Client) is { } other ? Task.FromResult(new Done { Error = other }) : changes.DropAsync(holder, request.Client));

    public Task<Done> SetPrimaryAsync(IIdentityHolder holder, SetPrimaryRequest request) =>
        holder.Identities.ChangeAsync(() => Task.FromResult(NotItself(request, request.Client) is { } other ? new Done { Error = other } : changes.MakePrimary(holder, request.Client)));

    /// <summary>Whether a request is one of these: they concern the connection's identities, and need none to act as.</summary>
    public static bool IsChange(Request request) => request is AuthenticateRequest or RefreshRequest or DropRequest or SetPrimaryRequest;

    // As one of several it has no more to say about the others than if they were not there (3.12).
    private static DuplexityError? NotItself(Request request, string? client) => request.As is null || request.As == client ? null : IdentityChanges.NotHeld(client);
}
