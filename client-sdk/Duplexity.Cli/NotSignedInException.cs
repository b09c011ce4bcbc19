namespace Duplexity.Cli;

/// <summary>Nobody is signed in at the server, and nobody can be signed in on the spot: exit 4.</summary>
internal sealed class NotSignedInException(string sentence) : Exception(sentence);
