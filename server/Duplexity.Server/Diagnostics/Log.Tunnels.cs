using Duplexity.Server.Tunnels;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Diagnostics;

/// <summary>What public pipes write to the log.</summary>
internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Information, "Pipe {Pipe} is served by {Client}, session {Session}, generation {Generation}")]
    public static partial void PipeRegistered(ILogger logger, string pipe, string client, string session, long generation);

    [LoggerMessage(4001, LogLevel.Information, "Pipe {Pipe} of {Client} is removed, generation {Generation}")]
    public static partial void PipeRemoved(ILogger logger, string pipe, string client, long generation);

    [LoggerMessage(4002, LogLevel.Information, "Pipe {Pipe} of {Client} was taken over by session {Session}")]
    public static partial void PipeTakenOver(ILogger logger, string pipe, string client, string session);

    [LoggerMessage(4003, LogLevel.Debug, "No carrier for a visitor of {Pipe}: {Failure}")]
    public static partial void NoCarrier(ILogger logger, string pipe, CarryFailure failure);

    [LoggerMessage(4004, LogLevel.Debug, "A visitor of {Pipe} got no whole answer: {Error}, {Cause}")]
    public static partial void ForwardFailed(ILogger logger, string pipe, ForwarderError error, string cause);

    [LoggerMessage(4005, LogLevel.Debug, "{Count} exchanges could not be told: {Cause}")]
    public static partial void ExchangesLost(ILogger logger, int count, string cause);

    [LoggerMessage(4006, LogLevel.Warning, "Pipes of {Client}, session {Session}, could not be removed")]
    public static partial void PipesNotRemoved(ILogger logger, Exception exception, string client, string session);

    [LoggerMessage(4007, LogLevel.Warning, "Port {Port} could not take a visitor: {Error}")]
    public static partial void AcceptFailed(ILogger logger, int port, System.Net.Sockets.SocketError error);

    [LoggerMessage(4008, LogLevel.Warning, "A visitor connection at {Name} failed")]
    public static partial void VisitorFailed(ILogger logger, string name, Exception exception);

    [LoggerMessage(4009, LogLevel.Warning, "Pipe {Pipe} of {Client}, session {Session}, is closed by {By}")]
    public static partial void PipeClosed(ILogger logger, string pipe, string client, string session, string by);

    [LoggerMessage(4010, LogLevel.Warning, "What became of the pipes of {Client} could not be told to those who watch them")]
    public static partial void PipesNotMarked(ILogger logger, Exception exception, string client);

    [LoggerMessage(4200, LogLevel.Debug, "No carrier for a dial of {Pipe}: {Failure}")]
    public static partial void NotDialled(ILogger logger, string pipe, CarryFailure failure);

    [LoggerMessage(4020, LogLevel.Warning, "A connection for the node {Node} could not be handed on ({Error}); its client was told to try again.")]
    public static partial void NotHandedOn(ILogger logger, string node, Yarp.ReverseProxy.Forwarder.ForwarderError error);

    [LoggerMessage(4021, LogLevel.Warning, "{Count} pipes of another node could not be confirmed: idle carriers of theirs are not used again before they are.")]
    public static partial void NotConfirmed(ILogger logger, int count, Exception exception);

    [LoggerMessage(4022, LogLevel.Warning, "The port of the public pipe {Name} is in use by something else here: its visitors reach it at other nodes only.")]
    public static partial void PortNotOpened(ILogger logger, string name);

    [LoggerMessage(4023, LogLevel.Warning, "The resource of {Pipe}, session {Session}, does not answer its health check: visitors go to others of the name")]
    public static partial void ResourceIll(ILogger logger, string pipe, string session);

    [LoggerMessage(4024, LogLevel.Information, "The resource of {Pipe}, session {Session}, answers its health check again")]
    public static partial void ResourceWell(ILogger logger, string pipe, string session);
}
