using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>How owners name their pipes who hand something out for them.</summary>
internal sealed partial class PublicPipes
{
    /// <summary>The whole name of what may be a label under the domain; null: it is none at all.</summary>
    public string? NameOf(string? asked)
    {
        if (asked is not { Length: > 0 and <= 253 } || PipeNames.KeyOf(asked.Trim()) is not { } name)
        {
            return null;
        }

        var root = NameTree.RootOf(name);
        var whole = root.Contains('.') || root.StartsWith(':') ? root : $"{root}.{_url.Domain}";
        return NameTree.IsWildcard(name) ? NameTree.WildcardOf(whole) : whole;
    }

    /// <summary>A client's own pipe that serves a host, by its name or by a wildcard of its own over it, and the host; null: it has none.</summary>
    public async ValueTask<(PipeEntry Entry, string Host)?> FindOwnAtAsync(string client, string? asked, CancellationToken ct) =>
        await FindOwnAsync(client, asked, ct) is { } own ? (own, own.Name)
        : NameOf(asked) is { } host && Uri.CheckHostName(host) == UriHostNameType.Dns && await _backend.LocateAsync(host, ct) is { } over && over.Client == client ? (over, host)
        : null;

    /// <summary>A client's own pipe of a name, as it is now; null: it has none.</summary>
    public async ValueTask<PipeEntry?> FindOwnAsync(string client, string? asked, CancellationToken ct) =>
        NameOf(asked) is { } name && await _backend.ReadAsync(name, ct) is { } entry && entry.Client == client ? entry : null;
}
