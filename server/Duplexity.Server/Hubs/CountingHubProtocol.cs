using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Duplexity.Server.Hubs;

/// <summary>
/// A hub protocol for one connection that ends it after too many calls that could not be read or that name no method (G24): hub filters do not see those. And it sees when the transport takes an answer:
/// SignalR writes the next one only when it has room again.
/// </summary>
internal sealed class CountingHubProtocol(IHubProtocol inner, int most, int answers) : IHubProtocol
{
    private int _errors;

    /// <summary>The answers with pages that this connection has not taken yet.</summary>
    public AnswerLine Answers { get; } = new(answers);

    public string Name => inner.Name;

    public int Version => inner.Version;

    public TransferFormat TransferFormat => inner.TransferFormat;

    public ReadOnlyMemory<byte> GetMessageBytes(HubMessage message) => inner.GetMessageBytes(message);

    public bool IsVersionSupported(int version) => inner.IsVersionSupported(version);

    public bool TryParseMessage(ref ReadOnlySequence<byte> input, IInvocationBinder binder, [NotNullWhen(true)] out HubMessage? message)
    {
        bool isParsed;
        long before;
        do
        {
            // A message of a type that it does not know SignalR skips, and answers as if nothing whole were left: what arrived behind it would wait for the next read.
            before = input.Length;
            isParsed = inner.TryParseMessage(ref input, binder, out message);
        }
        while (!isParsed && input.Length > 0 && input.Length < before);

        if (message is InvocationBindingFailureMessage && ++_errors > most)
        {
            throw new InvalidDataException($"More than {most} calls on this connection could not be read.");
        }

        return isParsed;
    }

    public void WriteMessage(HubMessage message, IBufferWriter<byte> output)
    {
        try
        {
            inner.WriteMessage(message, output);
        }
        finally
        {
            Answers.Taken((message as CompletionMessage)?.Result);
        }
    }
}
