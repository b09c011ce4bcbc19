using System.Text.Json;
using System.Text.Json.Serialization;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>What a gate over HTTP is asked.</summary>
internal sealed record HttpGateQuestion(
    string Step, string Operation, string Client, string? Socket, string? Target, long? IssuedAt, bool IsServer, bool IsTrial, Dictionary<string, string[]> Claims, HttpGateMessage? Message,
    ChallengeAnswer? Answer)
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 32 };

    public static HttpGateQuestion Of(GateContext context) => new(
        context.Step.ToString().ToLowerInvariant(),
        context.Operation,
        context.Client,
        context.SocketId,
        context.Target.Kind == AddressKind.None ? null : context.Target.ToString(),
        context.IssuedAt?.ToUnixTimeMilliseconds(),
        context.IsServer,
        context.IsTrial,
        context.Principal.Claims.GroupBy(c => c.Type, c => c.Value).ToDictionary(g => g.Key, g => g.ToArray()),
        context.Message is { } message ? HttpGateMessage.Of(message) : null,
        context.Answer);
}

/// <summary>A message as a gate over HTTP sees it, and gives it back where it changes it.</summary>
internal sealed record HttpGateMessage(string? Text, byte[]? Bytes, string? ContentType, string? Type, IReadOnlyDictionary<string, string>? Headers, string? Re, Origin? From)
{
    public static HttpGateMessage Of(GateMessage message) => new(message.Text, message.Bytes?.ToArray(), message.ContentType, message.Type, message.Headers, message.Re, message.From);

    /// <summary>The whole message that it is now: what is left out is gone.</summary>
    public GateMessage Over(GateMessage message) =>
        message with { Text = Text, Bytes = Bytes is null ? default(ReadOnlyMemory<byte>?) : Bytes, ContentType = ContentType, Type = Type, Headers = Headers };
}

/// <summary>What a gate over HTTP answers.</summary>
internal sealed record HttpGateAnswer
{
    /// <summary><c>pass</c>, <c>refuse</c>, <c>change</c>, <c>redirect</c> or <c>hold</c>.</summary>
    public string? Result { get; init; }

    /// <summary>With refuse: what the sender is told.</summary>
    public string? Reason { get; init; }

    /// <summary>With change: the whole message.</summary>
    public HttpGateMessage? Message { get; init; }

    /// <summary>With redirect: 1 to 100 addresses.</summary>
    public string[]? To { get; init; }

    /// <summary>With hold: what the client is asked.</summary>
    public HttpGateChallenge? Challenge { get; init; }

    /// <summary>With pass and refuse: for how long the answer holds for the same client and token, target and operation; at most an hour.</summary>
    public double? CacheSeconds { get; init; }
}

/// <summary>What a gate over HTTP asks a client.</summary>
internal sealed record HttpGateChallenge(string? Kind, string? Sentence, Dictionary<string, string>? Data);
