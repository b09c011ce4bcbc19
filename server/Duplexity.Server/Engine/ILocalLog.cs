namespace Duplexity.Server.Engine;

/// <summary>A log that one node has for itself, in its memory or on its disk.</summary>
internal interface ILocalLog : IMessageLog, IDisposable
{
    /// <summary>Names the receiver of every entry; once, before anything is appended.</summary>
    void Attach(IEngineHandler handler);

    /// <summary>Lets go of what is too old; soon, not at once.</summary>
    void Sweep();
}
