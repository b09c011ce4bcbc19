namespace Duplexity.Server.Engine;

/// <summary>The data folder cannot be used as it is, and the node does not start: never a new, empty log in the place of one that is there. Says what to do.</summary>
internal sealed class DataFolderException(string sentence, Exception? inner = null) : IOException(sentence, inner);
