namespace Duplexity.Server.Channels;

/// <summary>Whether a client may be here at all.</summary>
internal interface IClientStanding
{
    /// <summary>Whether a client is disabled or removed.</summary>
    bool IsOut(string client);
}
