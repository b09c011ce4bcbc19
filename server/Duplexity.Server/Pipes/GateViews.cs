using System.Security.Claims;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>What gates of applications are shown of the machine's own records, and how what they give back becomes one again.</summary>
internal static class GateViews
{
    private static readonly ClaimsPrincipal Nobody = new();

    /// <summary>Who wants to do something.</summary>
    public static GateContext Of(Sender sender, Step step, string operation) => new()
    {
        Step = step,
        Operation = operation,
        Client = sender.Client,
        SocketId = sender.SocketId,
        IsServer = sender.IsServer,
        Principal = sender.Principal ?? Nobody,
        IssuedAt = sender.IssuedAt,
    };

    public static GateMessage Of(MessageRequest request, Sender sender) => new()
    {
        Text = request.Text,
        Bytes = Memory(request.Bytes),
        ContentType = request.ContentType,
        Type = request.Type,
        Headers = request.Headers,
        Re = request.Re,
        From = new Origin { Client = sender.Client, Socket = sender.SocketId },
    };

    public static GateMessage Of(StoredMessage message) => new()
    {
        Text = message.Text,
        Bytes = Memory(message.Bytes),
        ContentType = message.ContentType,
        Type = message.Type,
        Headers = message.Headers,
        Re = message.Re,
        From = new Origin { Client = message.FromClient, Socket = message.FromSocket },
    };

    /// <summary>The request with what a gate changed.</summary>
    public static MessageRequest Changed(MessageRequest request, GateMessage message) => request with
    {
        Text = message.Text,
        Bytes = message.Bytes?.ToArray(),
        ContentType = message.ContentType,
        Type = message.Type,
        Headers = message.Headers?.ToDictionary(),
    };

    // Not `null`: it would become an array that is none, and that memory that is empty.
    private static ReadOnlyMemory<byte>? Memory(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(bytes);
}
