using Duplexity.Server.Engine;

namespace Duplexity.Server.Backend;

/// <summary>Register, locate, remove: who serves which public name. Whoever asks for a pipe asks here, never the engine (2.20).</summary>
internal sealed class BackendRegistry(IEngine engine)
{
    public ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct) => engine.Registry.RegisterAsync(entries, ct);

    public ValueTask<PipeEntry?> LocateAsync(string name, CancellationToken ct) => engine.Registry.LocateAsync(name, ct);

    public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct) => engine.Registry.ListAsync(client, ct);

    /// <summary>Removes what the session registered up to <paramref name="generation"/>; what is newer stays (G16).</summary>
    public ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names, CancellationToken ct) =>
        engine.Registry.RemoveAsync(client, session, generation, names, ct);
}
