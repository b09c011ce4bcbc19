using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;

namespace Duplexity.Server.Hubs;

/// <summary>
/// WatchSockets and WatchPipes: a list of what is there, and events of what becomes of it, for the acting client alone (G10): watches of two clients of a connection neither see nor end
/// each other. Thread-safe.
/// </summary>
internal sealed class Watching(SocketWatches sockets, ClusterWatches elsewhere, PipeWatches pipes, PublicPipes registered, ExchangeCalls exchanges, Administration administration)
{
    public async Task<ListSocketsResponse> WatchSocketsAsync(ControlConnection connection, HeldIdentity acting, WatchSocketsRequest request, Func<SocketsChangedEvent, Task> tell, CancellationToken ct)
    {
        if (request.Stop == true)
        {
            sockets.Stop(connection, acting.Client, request.Watch);
            return new();
        }

        if (Problem(acting, request.Watch, request.Client, out var client) is { } refused)
        {
            return new() { Error = refused };
        }

        // Begun before it is listed: what happens in between is told twice rather than not at all.
        if (!sockets.Start(connection, acting.Client, request.Watch, client, e => IsStillAllowed(connection, acting, request.Client) ? tell(e) : Task.CompletedTask))
        {
            return new() { Error = TooMany() };
        }

        await elsewhere.TellAsync(ct);
        var listed = await administration.ListSocketsAsync(acting, request.Client, ct);
        return IsGone(connection, acting) is { } gone ? new() { Error = gone } : listed;
    }

    public async Task<ListPipesResponse> WatchPipesAsync(ControlConnection connection, HeldIdentity acting, WatchPipesRequest request, Func<PipesChangedEvent, Task> tell, CancellationToken ct)
    {
        if (request.Stop == true)
        {
            pipes.Stop(connection, acting.Client, request.Watch);
            return new();
        }

        if (Problem(acting, request.Watch, request.Client, out var client) is { } refused)
        {
            return new() { Error = refused };
        }

        if (!pipes.Start(connection, acting.Client, request.Watch, client, e => IsStillAllowed(connection, acting, request.Client) ? tell(e) : Task.CompletedTask))
        {
            return new() { Error = TooMany() };
        }

        return IsGone(connection, acting) is { } gone ? new() { Error = gone } : new() { Pipes = [.. await registered.ListAsync(client, ct)] };
    }

    /// <summary>All watches of a connection end; with <paramref name="client"/>, those of that client on it.</summary>
    public void StopAll(IIdentityHolder connection, string? client = null)
    {
        sockets.StopAll(connection, client);
        pipes.StopAll(connection, client);
        exchanges.StopAll(connection, client);
    }

    private DuplexityError? Problem(HeldIdentity acting, string? name, string? asked, out string? client)
    {
        client = null;
        return name is { Length: 0 or > Wire.MaxNameLength }
            ? DuplexityError.Of(Errors.InvalidRequest, $"watch has 1 to {Wire.MaxNameLength} characters.")
            : administration.Whose(acting, asked, out client);
    }

    // A newer token may allow less than the one by which the watch began; and after a revocation there is none.
    private bool IsStillAllowed(ControlConnection connection, HeldIdentity acting, string? asked) => connection.Holds(acting) && administration.Whose(acting, asked, out _) is null;

    /// <summary>Ends a watch that began too late for whoever ended all of them: the client has fallen off the connection meanwhile, or the connection is gone.</summary>
    private DuplexityError? IsGone(ControlConnection connection, HeldIdentity acting)
    {
        if (connection.Holds(acting))
        {
            return null;
        }

        StopAll(connection, acting.Client);
        return IdentityChanges.NotHeld(acting.Client);
    }

    private static DuplexityError TooMany() =>
        DuplexityError.Of(Errors.TooManyWatches, $"This client has {Watches<object>.Most} watches on this connection already; stop one first.") with { Limit = "watches_per_client", Used = Watches<object>.Most };
}
