using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>How owners name their pipes who hand something out for them.</summary>
internal sealed partial class PublicPipes
{
    /// <summary>The whole name of what may be a label under the domain; null: it is none at all.</summary>
    public string? NameOf(string? asked) => asked is { Length: > 0 and <= 253 } && PipeNames.KeyOf(asked.Trim()) is { } name
        ? name.Contains('.') || name.StartsWith(':') ? name : $"{name}.{_url.Domain}"
        : null;

    /// <summary>A client's own pipe of a name, as it is now; null: it has none.</summary>
    public async ValueTask<PipeEntry?> FindOwnAsync(string client, string? asked, CancellationToken ct) =>
        NameOf(asked) is { } name && await _backend.ReadAsync(name, ct) is { } entry && entry.Client == client ? entry : null;
}
