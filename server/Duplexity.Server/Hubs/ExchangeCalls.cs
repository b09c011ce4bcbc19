using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Server.Tunnels.Inspection;

namespace Duplexity.Server.Hubs;

/// <summary>
/// What came in at public pipes, for those who may see it: the acting client's own pipes, whichever of its sessions serves them, and those of whom it may administer (G10). A pipe that is neither reads as not there. Thread-safe.
/// </summary>
internal sealed class ExchangeCalls(BackendRegistry backend, PublicPipes pipes, ExchangeReach reach, ExchangeWatches watches, TimeProvider time)
{
    /// <summary>What a list has where nobody says how much: a screen.</summary>
    private const int Screen = 50;

    public async Task<ListExchangesResponse> ListAsync(HeldIdentity acting, ListExchangesRequest request, CancellationToken ct)
    {
        if (request.Last is < 1 or > Wire.MaxPage)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"last is from 1 to {Wire.MaxPage}.") };
        }

        return await FindAsync(acting, request.Pipe, ct) is var (entries, refused) && refused is not null
            ? new() { Error = refused }
            : new() { Exchanges = (await reach.LastAsync(entries!, request.Last ?? Screen, ct)).Exchanges, At = Now };
    }

    public async Task<ReadExchangeResponse> ReadAsync(HeldIdentity acting, ReadExchangeRequest request, CancellationToken ct)
    {
        if (NotAnId(request.Id) is { } wrong)
        {
            return new() { Error = wrong };
        }

        return await FindAsync(acting, request.Pipe, ct) is var (entries, refused) && refused is not null ? new() { Error = refused } : await reach.ReadAsync(entries!, request.Id!, ct);
    }

    public async Task<ReplayExchangeResponse> ReplayAsync(HeldIdentity acting, ReplayExchangeRequest request, CancellationToken ct)
    {
        // What is wrong with it is told before it goes to the node that keeps the exchange, and there again.
        if ((NotAnId(request.Id) ?? ExchangeChanges.Problem(request)) is { } wrong)
        {
            return new() { Error = wrong };
        }

        if (acting.Meter.TakeCall(acting.Rules) is { } tooOften)
        {
            return new() { Error = tooOften };
        }

        return await FindAsync(acting, request.Pipe, ct) is var (entries, refused) && refused is not null ? new() { Error = refused } : await reach.ReplayAsync(entries!, request, acting.Client, ct);
    }

    public async Task<ListExchangesResponse> WatchAsync(ControlConnection connection, HeldIdentity acting, WatchExchangesRequest request, Func<ExchangesKeptEvent, Task> tell, CancellationToken ct)
    {
        if (request.Stop == true)
        {
            watches.Stop(connection, acting.Client, request.Watch);
            return new();
        }

        if (request.Watch is { Length: 0 or > Wire.MaxNameLength } || request.Last is < 0 or > Wire.MaxPage)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, $"watch has 1 to {Wire.MaxNameLength} characters, and last is from 0 to {Wire.MaxPage}.") };
        }

        var (entries, refused) = await FindAsync(acting, request.Pipe, ct);
        if (refused is not null)
        {
            return new() { Error = refused };
        }

        var (last, places) = await reach.LastAsync(entries!, request.Last ?? 0, ct);
        if (!watches.Start(connection, acting.Client, request.Watch, entries!, places, owner => connection.Holds(acting) && MaySee(acting, owner), tell))
        {
            return new() { Error = DuplexityError.Of(Errors.TooManyWatches, $"This client has {ExchangeWatches.Most} watches of exchanges on this connection already; stop one first.") with { Limit = "watches_per_client", Used = ExchangeWatches.Most } };
        }

        if (!connection.Holds(acting))
        {
            // It began too late for whoever ended all of them.
            watches.StopAll(connection, acting.Client);
            return new() { Error = IdentityChanges.NotHeld(acting.Client) };
        }

        return new() { Exchanges = last, At = Now };
    }

    /// <summary>All watches of a connection end; with <paramref name="client"/>, those of that client on it.</summary>
    public void StopAll(IIdentityHolder connection, string? client) => watches.StopAll(connection, client);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static bool MaySee(HeldIdentity acting, string owner) => owner == acting.Client || acting.Rules.MayAdminister(owner);

    private static DuplexityError? NotAnId(string? id) => id is { Length: > 0 and <= Wire.MaxNameLength * 2 } ? null : DuplexityError.Of(Errors.InvalidRequest, "id names an exchange, as ListExchanges does.");

    private async Task<(PipeEntry[]? Entries, DuplexityError? Error)> FindAsync(HeldIdentity acting, string? pipe, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(pipe) || pipe.Length > Wire.MaxNameLength * 2)
        {
            return (null, DuplexityError.Of(Errors.InvalidRequest, "pipe names a public pipe, such as cat1."));
        }

        // As it is registered now: what a node remembers of another owner must not open this one's.
        PipeEntry[] there = [.. await backend.ReadAllAsync(pipes.KeyOf(pipe), ct)];
        if (there.Length == 0 || !MaySee(acting, there[0].Client))
        {
            return (null, DuplexityError.Of(Errors.UnknownDestination, "There is no pipe of that name that this client may inspect."));
        }

        return Array.FindAll(there, e => e.Settings.Inspect == true) is { Length: > 0 } inspected
            ? (inspected, null)
            : (null, DuplexityError.Of(Errors.InvalidRequest, $"{there[0].Name} keeps no exchanges: its program asks for it when it registers the pipe (PipeOptions.Inspect; up without --no-inspect). TCP pipes have none."));
    }
}
