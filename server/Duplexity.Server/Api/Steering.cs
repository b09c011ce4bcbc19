using Duplexity.Protocol;
using Duplexity.Server.Hubs;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;

namespace Duplexity.Server.Api;

/// <summary>What the control hub does for a client or an administrator, asked by HTTP: the same calls, with the rights of the one client that asks. Thread-safe.</summary>
internal sealed class Steering(Administration administration, Explaining explaining, PublicPipes pipes, ClusterSockets sockets)
{
    /// <summary>Sockets of the acting client, or of whom it may administer.</summary>
    public async Task<Answer> ListSocketsAsync(ApiCall call) => await administration.ListSocketsAsync(call.Acting, call.Query("client"), call.Aborted);

    /// <summary>One socket, as each of its clients sees it whose things the acting client may see.</summary>
    public async Task<Answer> ShowSocketAsync(ApiCall call)
    {
        var acting = call.Acting;
        SocketInfo[] seen = [.. (await sockets.FindAsync(call.Path("id"), call.Aborted)).Where(s => s.Client == acting.Client || acting.Rules.MayAdminister(s.Client!))];
        return seen.Length > 0
            ? new ListSocketsResponse { Sockets = seen }
            : new ListSocketsResponse { Error = DuplexityError.Of(Errors.UnknownDestination, "There is no such socket, or it is not yours to see.") };
    }

    /// <summary>Closes one socket.</summary>
    public Task<Answer> CloseSocketAsync(ApiCall call) => CloseAsync(call, $"socket:{call.Path("id")}");

    /// <summary>Closes all sockets and sessions of a client.</summary>
    public Task<Answer> CloseClientAsync(ApiCall call) => CloseAsync(call, $"client:{call.Path("client")}");

    /// <summary>Public pipes of the acting client, or of whom it may administer.</summary>
    public async Task<Answer> ListPipesAsync(ApiCall call) => administration.Whose(call.Acting, call.Query("client"), out var client) is { } refused
        ? new ListPipesResponse { Error = refused }
        : new ListPipesResponse { Pipes = [.. await pipes.ListAsync(client, call.Aborted)] };

    /// <summary>Which gate would refuse an operation, and why.</summary>
    public async Task<Answer> ExplainAsync(ApiCall call) => await explaining.ExplainAsync(call.Acting, null, await call.ReadAsync<ExplainRequest>(), call.Aborted, hasSockets: false);

    /// <summary>Ends tokens before their time.</summary>
    public async Task<Answer> RevokeAsync(ApiCall call) => await administration.RevokeAsync(call.Acting, await call.ReadAsync<RevokeRequest>(), CancellationToken.None);

    /// <summary>Forbids a client everything.</summary>
    public Task<Answer> DisableAsync(ApiCall call) => DisableAsync(call, isDisabled: true);

    /// <summary>Allows a disabled client to come back.</summary>
    public Task<Answer> EnableAsync(ApiCall call) => DisableAsync(call, isDisabled: false);

    /// <summary>Removes a client for good.</summary>
    public async Task<Answer> RemoveAsync(ApiCall call)
    {
        await call.ReadNothingAsync();
        return await administration.RemoveAsync(call.Acting, new RemoveClientRequest { Client = call.Path("client") }, CancellationToken.None);
    }

    private async Task<Answer> DisableAsync(ApiCall call, bool isDisabled)
    {
        await call.ReadNothingAsync();
        return await administration.DisableAsync(call.Acting, new DisableRequest { Client = call.Path("client"), Disabled = isDisabled }, CancellationToken.None);
    }

    private async Task<Answer> CloseAsync(ApiCall call, string target) => await administration.ForceDisconnectAsync(
        call.Acting, new ForceDisconnectRequest { Target = target, Reason = call.Query("reason"), BlockMs = call.Number("blockMs") });
}
