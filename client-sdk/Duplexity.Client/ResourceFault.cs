namespace Duplexity;

/// <summary>Why a pipe's resource could not be reached.</summary>
/// <param name="At">When.</param>
/// <param name="Sentence">Why, for a person; it names the resource.</param>
public sealed record ResourceFault(DateTimeOffset At, string Sentence);
