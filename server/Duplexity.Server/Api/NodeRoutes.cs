using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Hubs;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Api;

/// <summary>The nodes of a cluster, for those who may administer everybody: every client is on one of them.</summary>
internal sealed class NodeRoutes(NodeBook nodes, NodeCalls calls, Draining draining)
{
    public ApiRoute[] All { get; } =
    [
        new("GET", "/nodes", "listNodes", "The nodes that serve, by name, for who may administer all clients.", typeof(ApiNodesResponse)) { Handle = call => Task.FromResult<Answer>(List(nodes, call)) },
        new("POST", "/nodes/{name}/drain", "drainNode", "Empties a node, for who may administer all clients: nobody new is let in, its clients go to other nodes, and it stays so until it is stopped. Answered when it has begun.", typeof(Done))
        {
            Parameters = [new("name", "string", "The node's name.", IsInPath: true)], Handle = call => DrainAsync(nodes, calls, draining, call),
        },
    ];

    private static ApiNodesResponse List(NodeBook nodes, ApiCall call) => Denied(call) is { } denied
        ? new() { Error = denied }
        : new() { Nodes = [.. nodes.Others.Append(nodes.Self).OrderBy(n => n.Name, StringComparer.Ordinal).Select(Of)] };

    private static async Task<Answer> DrainAsync(NodeBook nodes, NodeCalls calls, Draining draining, ApiCall call)
    {
        await call.ReadNothingAsync();
        if (Denied(call) is { } denied)
        {
            return new Done { Error = denied };
        }

        var name = call.Path("name");
        bool hasBegun;
        if (name == nodes.Self.Name)
        {
            hasBegun = draining.Begin() is not null;
        }
        else if (await nodes.FindAsync(name, call.Aborted) is { } node)
        {
            hasBegun = await calls.AskAsync<DrainQuestion, bool>(node, DrainCall.Word, new(call.Acting.Client), CancellationToken.None);
        }
        else
        {
            return new Done { Error = DuplexityError.Of(Errors.UnknownDestination, $"No node {VisibleText.Of(name, 64)} serves.") };
        }

        return hasBegun ? new Done() : new Done { Error = DuplexityError.Of(Errors.Unavailable, "No other node takes its clients now.") };
    }

    private static DuplexityError? Denied(ApiCall call) => call.Acting.Rules.DeniesAdministering(AllowanceRules.Everybody);

    private static ApiNode Of(NodeInfo node) => new()
    {
        Name = node.Name,
        Version = node.Version,
        Since = node.Since.ToUnixTimeMilliseconds(),
        IsDraining = node.IsDraining,
        Sockets = Load(node, "sockets"),
        Sessions = Load(node, "sessions"),
        Visitors = Load(node, "visitors"),
    };

    private static int Load(NodeInfo node, string what) => node.Load.GetValueOrDefault(what);
}
