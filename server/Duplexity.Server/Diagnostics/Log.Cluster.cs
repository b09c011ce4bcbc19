using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>Log events of nodes among others: 7000–7099.</summary>
internal static partial class Log
{
    [LoggerMessage(7000, LogLevel.Warning, "The other nodes are not known: the engine is away. The last ones are taken; it is tried again in a moment.")]
    public static partial void NodesNotRead(ILogger logger, Exception exception);

    [LoggerMessage(7001, LogLevel.Warning, "The node {Node} is written down and cannot be reached at {Url}: it has died a moment ago, or this node must be able to reach it there (Duplexity:Node:InternalUrl).")]
    public static partial void NodeUnreachable(ILogger logger, string node, Uri? url, Exception exception);

    [LoggerMessage(7002, LogLevel.Information, "Other nodes reach this one ({Node}) at {Url}.")]
    public static partial void ListensForNodes(ILogger logger, string node, Uri url);

    [LoggerMessage(7003, LogLevel.Warning, "A request at the internal listener from {Address} was refused: {Problem}.")]
    public static partial void NodeRefused(ILogger logger, string address, string problem);

    [LoggerMessage(7004, LogLevel.Error, "A question of another node ({Kind}) could not be answered.")]
    public static partial void NodeCallFailed(ILogger logger, string kind, Exception exception);

    [LoggerMessage(7010, LogLevel.Information, "This node is being emptied: {Connections} connections of clients are asked to go to {Nodes} other nodes.")]
    public static partial void Drains(ILogger logger, int connections, int nodes);

    [LoggerMessage(7011, LogLevel.Information, "This node is empty: {Stayed} connections had to be closed, {Visitors} visitors are still being served, {HandedOn} connections still handed on.")]
    public static partial void Drained(ILogger logger, int stayed, int visitors, int handedOn);

    [LoggerMessage(7012, LogLevel.Warning, "{Nodes} other nodes could not be told to lead away who came to them by way of this one: what was handed on to them breaks when this node ends.")]
    public static partial void NotToldToLead(ILogger logger, int nodes);
}
