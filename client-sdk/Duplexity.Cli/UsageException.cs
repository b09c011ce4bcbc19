namespace Duplexity.Cli;

/// <summary>The command line itself is wrong: exit 2, with the sentence that says what to type instead.</summary>
internal sealed class UsageException(string sentence) : Exception(sentence)
{
    /// <summary>What belongs to a later version; said plainly rather than ignored.</summary>
    public static UsageException NotYet(string what) => new($"{what} is not there yet; it comes with a later version.");
}
