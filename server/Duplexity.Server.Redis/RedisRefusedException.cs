namespace Duplexity.Server.Redis;

/// <summary>This Redis cannot keep what the engine promises, and the node does not start. Says what to change.</summary>
internal sealed class RedisRefusedException(string sentence, Exception? inner = null) : InvalidOperationException(sentence, inner);
