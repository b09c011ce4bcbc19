using Duplexity.Protocol;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Sockets;

/// <summary>What a socket has claimed of the own inbox.</summary>
internal sealed partial class Listening
{
    /// <summary>Lets a claim's lease begin anew.</summary>
    public async Task<RenewClaimResponse> RenewClaimAsync(Socket socket, HeldIdentity held, RenewClaimRequest request)
    {
        var (error, found) = await ClaimAsync(held, request.Channel, request.Reader, request.Position, request.Attempt);
        if (found is not var (inbox, reader))
        {
            return new RenewClaimResponse { Error = error };
        }

        return await inbox.RenewAsync(reader, request.Position!, request.Attempt!.Value, socket.Id) is { } refused
            ? new RenewClaimResponse { Error = NotAcknowledged(refused, request.Position!) }
            : new RenewClaimResponse { LeaseMs = (long)options.Times.InboxClaim.TotalMilliseconds };
    }

    /// <summary>Takes a claim back.</summary>
    public async Task<Done> ReturnClaimAsync(Socket socket, HeldIdentity held, ReturnClaimRequest request)
    {
        if (request.AfterMs is < 0 or > 3_600_000)
        {
            return new Done { Error = DuplexityError.Of(Errors.InvalidRequest, "afterMs is from 0 to 3,600,000, an hour.") };
        }

        var (error, found) = await ClaimAsync(held, request.Channel, request.Reader, request.Position, request.Attempt);
        if (found is not var (inbox, reader))
        {
            return new Done { Error = error };
        }

        var after = request.AfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : (TimeSpan?)null;
        return new Done { Error = await inbox.ReturnAsync(reader, request.Position!, request.Attempt!.Value, socket.Id, after) is { } refused ? NotAcknowledged(refused, request.Position!) : null };
    }

    private async ValueTask<(DuplexityError? Error, (Inbox Inbox, InboxReader Reader)? Found)> ClaimAsync(HeldIdentity held, string? channel, string? name, Position? position, int? attempt)
    {
        if ((gates.Read(channel, held, isRead: false, out var address) ?? ReadReader(name) ?? ReadPlace(position)) is { } error)
        {
            return (error, null);
        }

        if (address.Kind != AddressKind.Client || position is null || attempt is not > 0)
        {
            return (DuplexityError.Of(Errors.InvalidRequest, "A claim is named by the own inbox, position and attempt, as they were delivered."), null);
        }

        var inbox = await inboxes.OpenAsync(address);
        return inbox.Reader(name ?? "") is { } reader ? (null, (inbox, reader)) : (TooManyReaders(), null);
    }
}
