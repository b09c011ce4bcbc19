using System.Security.Claims;
using Duplexity.Protocol;

namespace Duplexity.Server;

/// <summary>What a gate looks at. Immutable; an application's tests make their own.</summary>
public sealed record GateContext
{
    /// <summary>The step at which the gate stands.</summary>
    public required Step Step { get; init; }

    /// <summary>
    /// What is done, a word of <see cref="Protocol.Operation"/>: <c>send</c> a message; at the entry also <c>join</c> (listen to the channel), <c>lock</c> (take a lock in the lockspace) and <c>receive</c> (read its past, see who or which lock is held there);
    /// at the egress <c>receive</c>.
    /// </summary>
    public required string Operation { get; init; }

    /// <summary>The acting client, a CID; at the egress the receiver. The application itself is <c>service:app</c>, or whom it names in <see cref="SendOptions.As"/>.</summary>
    public required string Client { get; init; }

    /// <summary>The SOCK_ID that the client acts from; null for the application itself.</summary>
    public string? SocketId { get; init; }

    /// <summary>Whether the application itself acts, through <see cref="IDuplexity"/>. It has no claims.</summary>
    public bool IsServer { get; init; }

    /// <summary>All claims of the client's token, under their own names (<c>sub</c>, <c>role</c>, <c>roles</c> …); without any for the application itself.</summary>
    public ClaimsPrincipal Principal { get; init; } = new();

    /// <summary>When the client's token was issued (<c>iat</c>); null: it does not say.</summary>
    public DateTimeOffset? IssuedAt { get; init; }

    /// <summary>The destination at the entry, the channel at the egress; <c>default</c> at the ingress, where destinations are not looked at yet.</summary>
    public Address Target { get; init; }

    /// <summary>The message; null where a listener enters. A view: <see cref="GateResult.Change"/> gives another one back.</summary>
    public GateMessage? Message { get; init; }

    /// <summary>What the client answered to this gate's <see cref="GateResult.Hold"/>; null: it was not asked yet.</summary>
    public ChallengeAnswer? Answer { get; init; }

    /// <summary>Whether somebody only asks what would be (Explain): count and change nothing.</summary>
    public bool IsTrial { get; init; }
}

/// <summary>A message as gates see it. Immutable; <c>with</c> makes the changed one for <see cref="GateResult.Change"/>.</summary>
public sealed record GateMessage
{
    /// <summary>The body as text; null where it is bytes.</summary>
    public string? Text { get; init; }

    /// <summary>The body as bytes; null where it is text.</summary>
    public ReadOnlyMemory<byte>? Bytes { get; init; }

    /// <summary>What the body is, such as <c>application/json</c>.</summary>
    public string? ContentType { get; init; }

    /// <summary>The application's name for the body.</summary>
    public string? Type { get; init; }

    /// <summary>Headers for the receivers.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>The id of the message that this one answers. A change of it is not taken over.</summary>
    public string? Re { get; init; }

    /// <summary>Who sent it. A change of it is not taken over.</summary>
    public Origin From { get; init; } = new();
}

/// <summary>What a client answered to a challenge.</summary>
public sealed record ChallengeAnswer
{
    /// <summary>The challenge's kind, as the gate named it.</summary>
    public required string Kind { get; init; }

    /// <summary>The key, or the value of an application's own kind; null where the answer was a fresh token, which is verified already.</summary>
    public string? Value { get; init; }

    /// <summary>Which answer to this challenge it is, from 1.</summary>
    public int Attempt { get; init; } = 1;
}
