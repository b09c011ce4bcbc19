using Duplexity.Server.Engine;

namespace Duplexity.Testing;

/// <summary>An engine that is another one, but for what a test overrides.</summary>
internal abstract class EngineBeside(IEngine inner) : IEngine
{
    protected IEngine Inner => inner;

    public virtual IMessageLog Log => inner.Log;

    public IPresence Presence => inner.Presence;

    public virtual IRegistry Registry => inner.Registry;

    public IVault Vault => inner.Vault;

    public IRecords Records => inner.Records;

    public ILocks Locks => inner.Locks;

    public ISystemLog SystemLog => inner.SystemLog;

    public void Attach(IEngineHandler handler) => inner.Attach(handler);
}
