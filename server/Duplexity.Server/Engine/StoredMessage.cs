using System.Text;
using MessagePack;

namespace Duplexity.Server.Engine;

/// <summary>
/// A message as it is stored once and shared by all its copies. Immutable. On disk it is MessagePack with the keys below: a new member gets the next key, is
/// absent in what was written before, and is passed over by a program that does not know it; no key is ever used for something else.
/// </summary>
[MessagePackObject]
internal sealed record StoredMessage
{
    [Key(0)]
    public required string Id { get; init; }

    [Key(1)]
    public required string FromClient { get; init; }

    [Key(2)]
    public string? FromSocket { get; init; }

    [Key(3)]
    public required DateTimeOffset SentAt { get; init; }

    [Key(4)]
    public string? Text { get; init; }

    [Key(5)]
    public byte[]? Bytes { get; init; }

    [Key(6)]
    public string? ContentType { get; init; }

    [Key(7)]
    public string? Type { get; init; }

    [Key(8)]
    public string? Re { get; init; }

    [Key(9)]
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>All destinations, in order: a socket that several of them reach gets the copy of the first (G9).</summary>
    [Key(10)]
    public required IReadOnlyList<Address> Destinations { get; init; }

    /// <summary>How it came through message pipes; null: its sender sent it here.</summary>
    [Key(11)]
    public StoredPath? Path { get; init; }

    /// <summary>The span of its sending, for nodes that go on with the trace; null: it is not traced so. No client ever sees it (1.23).</summary>
    [Key(12)]
    public string? Span { get; init; }

    /// <summary>Whose part of an inbox it fills: its sender's, or where a message pipe brought it, the pipe's owner's (G10).</summary>
    [IgnoreMember]
    public string ChargedTo => Path is { Hops: [.., var last] } ? last.Owner : FromClient;

    /// <summary>What retention by bytes counts: body and headers, as every engine counts them.</summary>
    [IgnoreMember]
    public int Size => (Text is null ? 0 : Encoding.UTF8.GetByteCount(Text)) + (Bytes?.Length ?? 0)
        + (Headers?.Sum(h => Encoding.UTF8.GetByteCount(h.Key) + Encoding.UTF8.GetByteCount(h.Value)) ?? 0);
}
