using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Names;

namespace Duplexity.Server.Hubs;

/// <summary>What a client does about the public names that it keeps for itself, and an administrator about those of others. Thread-safe.</summary>
internal sealed class NameCalls(Reservations reservations, Administration administration, Standing standing)
{
    public async Task<NamesResponse> ReserveAsync(HeldIdentity acting, ReserveNameRequest request, CancellationToken ct)
    {
        if (acting.Meter.TakeCall(acting.Rules) is { } tooOften)
        {
            return new() { Error = tooOften };
        }

        var (name, error) = await reservations.ReserveAsync(acting.Client, acting.Rules, request.Name, ct);
        if (error is null && standing.Removed(acting.Client) is { } removed)
        {
            // Removed meanwhile, perhaps before there was anything to let go of.
            await reservations.RemoveAsync(acting.Client, ct);
            return new() { Error = removed };
        }

        return error is null ? new() { Names = [Info(name!)] } : new() { Error = error };
    }

    public async Task<Done> ReleaseAsync(HeldIdentity acting, ReleaseNameRequest request, CancellationToken ct) =>
        await reservations.ReleaseAsync(acting.Client, request.Name, owner => owner == acting.Client || acting.Rules.MayAdminister(owner), ct)
            ? new()
            : new() { Error = DuplexityError.Of(Errors.UnknownDestination, "There is no reserved name like that which this client may release.") };

    public NamesResponse List(HeldIdentity acting, ListNamesRequest request) => administration.Whose(acting, request.Client, out var client) is { } refused
        ? new() { Error = refused }
        : new() { Names = [.. reservations.List(client).Select(Info)] };

    private static NameInfo Info(ReservedName name) =>
        new() { Name = name.Name, Client = name.Owner, Since = name.Since.ToUnixTimeMilliseconds(), FreeAt = name.FreeAt?.ToUnixTimeMilliseconds() };
}
