using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Gates;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Registrations as fronts have them (G18): those to which an address alone lets visitors in, with what serving these takes. Every other one is not there for a front. Each member is named here, so that what is added to a registration stays
/// with the nodes until somebody says that fronts need it.
/// </summary>
internal static class FrontView
{
    /// <summary>Those of several that fronts have.</summary>
    public static PipeEntry[] Of(IEnumerable<PipeEntry> entries) => [.. entries.Select(Of).OfType<PipeEntry>()];

    /// <summary>
    /// Registrations that were changed, of which fronts have or had one: as they are now, and where that is none of theirs, that the one which they had lets nobody in.
    /// </summary>
    public static PipeEntry[] After(IEnumerable<ChangedPipe> changed) => [.. changed.Select(After).OfType<PipeEntry>()];

    /// <summary>Whether fronts have it.</summary>
    public static bool Has(PipeEntry entry) => VisitorsOf(entry) is not null;

    private static PipeEntry? After(ChangedPipe change) => Of(change.Now)
        ?? (Of(change.Before) is { } had ? had with { Generation = change.Now.Generation, Revision = change.Now.Revision, Settings = had.Settings with { Visitors = null } } : null);

    private static PipeEntry? Of(PipeEntry entry) => VisitorsOf(entry) is not { } visitors ? null : Of(entry, new PipeRegistration
    {
        Visitors = visitors,
        Share = entry.Settings.Share,
        Sticky = entry.Settings.Sticky,
        Health = entry.Settings.Health,
        Offline = entry.Settings.Offline,
        Routes = entry.Settings.Routes,
        RequestHeaders = entry.Settings.RequestHeaders,
        ResponseHeaders = entry.Settings.ResponseHeaders,
        Carriers = entry.Settings.Carriers,
        Limits = entry.Settings.Limits,
        HeaderTimeoutMs = entry.Settings.HeaderTimeoutMs,
        IdleTimeoutMs = entry.Settings.IdleTimeoutMs,
    });

    private static PipeEntry Of(PipeEntry entry, PipeRegistration settings) => new()
    {
        Name = entry.Name,
        Client = entry.Client,
        Session = entry.Session,
        Generation = entry.Generation,
        Revision = entry.Revision,
        Node = entry.Node,
        Resource = entry.Resource,
        HostHeader = entry.HostHeader,
        Url = entry.Url,
        Since = default,
        Exchanges = entry.Exchanges,
        Settings = settings,
    };

    /// <summary>The rules that a front can check; null: there are none.</summary>
    private static string? VisitorsOf(PipeEntry entry) =>
        !PrivateNames.IsPrivate(entry.Name) && entry.Settings.Visitors is { } text && VisitorRule.TryRead(text, out var rules, out _) && rules.Any(r => r.IsByAddress)
            ? string.Join(',', rules.Where(r => r.IsByAddress))
            : null;
}
