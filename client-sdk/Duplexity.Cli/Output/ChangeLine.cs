using System.Globalization;
using Duplexity.Protocol;

namespace Duplexity.Cli.Output;

/// <summary>A change of something that is watched, as <c>sockets --watch</c> and <c>pipes --watch</c> print it: time, what happened, to which, and how it is now.</summary>
internal static class ChangeLine
{
    public static string Text(SocketChange change, TimeProvider time)
    {
        var socket = change.Socket;
        var state = change.Kind == SocketChangeKind.Gone ? "" : string.Create(
            CultureInfo.InvariantCulture, $" · {socket.Use.Sent} sent, {socket.Use.Messages} in this window ({socket.Use.Bytes} bytes) · {string.Join(' ', socket.Channels)}");
        return $"{MessageLine.Clock(time.GetUtcNow(), time)} {change.Kind} {socket.SocketId} of {socket.Client}, {socket.Transport} at {socket.Node}{state}";
    }

    public static string Text(PipeChange change, TimeProvider time)
    {
        var pipe = change.Pipe;
        var use = string.Create(CultureInfo.InvariantCulture, $"{pipe.Use.Exchanges} visits, {pipe.Use.Carriers} open");
        return $"{MessageLine.Clock(time.GetUtcNow(), time)} {change.Kind} {pipe.Name} of {pipe.Client}, {pipe.Resource}, {pipe.State} · {use}";
    }
}
