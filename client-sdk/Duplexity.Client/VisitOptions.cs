namespace Duplexity;

/// <summary>What a visitor may do who has a link or a grant.</summary>
public sealed record VisitOptions
{
    /// <summary>For how long, from a second to 30 days. Defaults to an hour: what is forgotten ends soon.</summary>
    public TimeSpan For { get; init; } = TimeSpan.FromHours(1);

    /// <summary>With which methods, in capitals, such as <c>GET</c>; null (the default): any.</summary>
    public IReadOnlyList<string>? Methods { get; init; }

    /// <summary>At or below which path, by whole segments, such as <c>/docs</c>; null (the default): everywhere.</summary>
    public string? Path { get; init; }

    internal long ForMs => (long)For.TotalMilliseconds;

    internal string[]? MethodArray => Methods is null ? null : [.. Methods];
}

/// <summary>A link by which whoever has it visits a pipe: a secret.</summary>
/// <param name="Url">What the visitor opens.</param>
/// <param name="ExpiresAt">When it ends; with the pipe in any case.</param>
public sealed record VisitorLink(Uri Url, DateTimeOffset ExpiresAt);

/// <summary>That one client may visit one pipe for a while.</summary>
/// <param name="Pipe">The pipe's whole hostname.</param>
/// <param name="Client">Who may.</param>
/// <param name="ExpiresAt">Until when; no longer than the pipe in any case.</param>
/// <param name="Methods">With which methods; null: any.</param>
/// <param name="Path">At or below which path; null: everywhere.</param>
public sealed record VisitGrant(string Pipe, string Client, DateTimeOffset ExpiresAt, IReadOnlyList<string>? Methods, string? Path);
