using System.Text.Json;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>What a link of an owner's says.</summary>
/// <param name="For">The pipe, and whose it was.</param>
/// <param name="Until">When it ends.</param>
/// <param name="Methods">With which methods; null: any.</param>
/// <param name="Path">At or below which path; null: any.</param>
/// <param name="Host">At which of a wildcard's hosts; null: the pipe has but one.</param>
internal sealed record VisitorLink(Tenure For, DateTimeOffset Until, string[]? Methods, string? Path, string? Host = null)
{
    /// <summary>Whether a request is one that it is for.</summary>
    public bool Covers(string method, string target) => (Methods is null || Methods.Contains(method, StringComparer.Ordinal)) && (Path is null || PathRule.Covers(Path, target));
}

/// <summary>Writes and reads links by which whoever has them visits: sealed by the service, kept nowhere, for one pipe of one owner until a time (G7). Thread-safe.</summary>
internal sealed class VisitorLinks(TimeProvider time, IVisitorIdentities? identities = null)
{
    private const string Purpose = "visitor-link";

    /// <summary>The address that a link is.</summary>
    public string Write(PipeEntry entry, VisitorLink link) => $"{PipeUrl.At(entry, link.Host ?? entry.Name)}{link.Path ?? "/"}?{OwnNames.Link}={identities!.Seal(Purpose, JsonSerializer.Serialize(link))}";

    /// <summary>What a text from such an address, or from the cookie that it was put into, says; null: nothing, or nothing any more, or not for this pipe and host.</summary>
    public VisitorLink? Read(string? text, PipeEntry entry, string host) =>
        text is { Length: > 0 and < 4096 } && identities?.Open(Purpose, text) is { } json && JsonSerializer.Deserialize<VisitorLink>(json)! is var link
        && link.For.Covers(entry) && (link.Host ?? entry.Name) == host && link.Until > time.GetUtcNow()
            ? link
            : null;
}
