namespace Duplexity;

/// <summary>What the SDK and <c>IDuplexity</c> throw when something was refused or failed: the <see cref="DuplexityError"/> of an answer as an exception.</summary>
public sealed class DuplexityException : Exception
{
    /// <summary>An exception that says what <paramref name="error"/> says.</summary>
    public DuplexityException(DuplexityError error, Exception? inner = null)
        : base(error.Sentence, inner)
    {
        Error = error;
    }

    /// <summary>The whole error as it came in the answer.</summary>
    public DuplexityError Error { get; }

    /// <summary>The number; see <see cref="Errors"/>.</summary>
    public int Code => Error.Code;

    /// <summary>The code in words, such as <c>rate_limited</c>.</summary>
    public string Name => Error.Name;

    /// <summary>What to do about it.</summary>
    public ErrorKind Kind => Error.KindOfCode();

    /// <summary>When to try again; null where waiting does not help or the time is unknown.</summary>
    public TimeSpan? RetryAfter => Error.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;

    /// <summary>The gate that refused, if one did.</summary>
    public string? Gate => Error.Gate;

    /// <summary>The limit that was reached, if one was.</summary>
    public string? Limit => Error.Limit;
}
