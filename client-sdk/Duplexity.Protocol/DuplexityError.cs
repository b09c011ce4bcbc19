using MessagePack;

namespace Duplexity;

/// <summary>What a caller should do about an error; the hundreds of its code.</summary>
public enum ErrorKind
{
    /// <summary>1xx: the request is wrong; the same request fails again.</summary>
    Request = 1,

    /// <summary>2xx: not allowed; another identity or another right is needed.</summary>
    Denied = 2,

    /// <summary>3xx: a limit; try again after <see cref="DuplexityError.RetryAfterMs"/>.</summary>
    Limit = 3,

    /// <summary>4xx: not now; try again with back-off.</summary>
    Unavailable = 4,

    /// <summary>5xx: the connection is over; <see cref="Protocol.Retry"/> says whether to come back.</summary>
    Closed = 5,
}

/// <summary>
/// A refusal, part of every answer. The hundreds of <see cref="Code"/> say what to do (<see cref="ErrorKind"/>). It never tells an unauthorised
/// caller whether a name exists.
/// </summary>
[MessagePackObject]
public sealed record DuplexityError
{
    /// <summary>The number, stable for ever; see <see cref="Errors"/>.</summary>
    [Key(0)]
    public int Code { get; init; }

    /// <summary>The same in words, such as <c>rate_limited</c>; stable for ever.</summary>
    [Key(1)]
    public string Name { get; init; } = "";

    /// <summary><c>request</c>, <c>denied</c>, <c>limit</c>, <c>unavailable</c> or <c>closed</c>.</summary>
    [Key(2)]
    public string Kind { get; init; } = "";

    /// <summary>What was wrong and what to do, for a person. Not stable; do not parse.</summary>
    [Key(3)]
    public string Sentence { get; init; } = "";

    /// <summary>When to try again, in milliseconds; absent where waiting does not help or the time is unknown.</summary>
    [Key(4)]
    public long? RetryAfterMs { get; init; }

    /// <summary>The gate that refused; absent where no gate did.</summary>
    [Key(5)]
    public string? Gate { get; init; }

    /// <summary>The name of the limit that was reached; absent where none was.</summary>
    [Key(6)]
    public string? Limit { get; init; }

    /// <summary>How much of <see cref="Limit"/> was in use, in the limit's own unit.</summary>
    [Key(7)]
    public long? Used { get; init; }

    /// <summary>A new error of the table with a sentence of its own.</summary>
    public static DuplexityError Of((int Code, string Name) entry, string sentence) =>
        new() { Code = entry.Code, Name = entry.Name, Kind = KindText((ErrorKind)(entry.Code / 100)), Sentence = sentence };

    /// <summary>Whether this is the error <paramref name="entry"/> of the table, whatever its sentence.</summary>
    public bool Is((int Code, string Name) entry) => Code == entry.Code;

    /// <summary>The kind by the code's hundreds: who decides by it does not read a word.</summary>
    internal ErrorKind KindOfCode() => (ErrorKind)(Code / 100);

    private static string KindText(ErrorKind kind) => kind switch
    {
        ErrorKind.Request => "request",
        ErrorKind.Denied => "denied",
        ErrorKind.Limit => "limit",
        ErrorKind.Unavailable => "unavailable",
        _ => "closed",
    };
}
