using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Duplexity.Server.Tests.Protocol.Outbound;

/// <summary>A client's hub protocol that keeps the bytes of every frame that came, and which method each call was of.</summary>
internal sealed class RecordingProtocol(IHubProtocol inner) : IHubProtocol
{
    /// <summary>Every frame, as the node sent it.</summary>
    public ConcurrentQueue<byte[]> Frames { get; } = new();

    /// <summary>The methods that were called, by the call's id.</summary>
    public ConcurrentDictionary<string, string> Calls { get; } = new();

    public string Name => inner.Name;

    public int Version => inner.Version;

    public TransferFormat TransferFormat => inner.TransferFormat;

    public ReadOnlyMemory<byte> GetMessageBytes(HubMessage message)
    {
        Note(message);
        return inner.GetMessageBytes(message);
    }

    public bool IsVersionSupported(int version) => inner.IsVersionSupported(version);

    public bool TryParseMessage(ref ReadOnlySequence<byte> input, IInvocationBinder binder, [NotNullWhen(true)] out HubMessage? message)
    {
        var before = input;
        var isParsed = inner.TryParseMessage(ref input, binder, out message);
        if (before.Length > input.Length)
        {
            Frames.Enqueue(before.Slice(0, before.Length - input.Length).ToArray());
        }

        return isParsed;
    }

    public void WriteMessage(HubMessage message, IBufferWriter<byte> output)
    {
        Note(message);
        inner.WriteMessage(message, output);
    }

    private void Note(HubMessage message)
    {
        if (message is InvocationMessage { InvocationId: { } id } call)
        {
            Calls[id] = call.Target;
        }
    }
}
