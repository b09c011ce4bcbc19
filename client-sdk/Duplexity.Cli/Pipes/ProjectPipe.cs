using System.Text.Json;
using Duplexity.Protocol;

namespace Duplexity.Cli.Pipes;

/// <summary>
/// One pipe of <c>duplexity.json</c>: the members that its object may have. What is added here is read; <see cref="ToSpec"/> is where it is checked and handed on.
/// </summary>
internal sealed record ProjectPipe
{
    /// <summary>What is served, as <c>up</c> takes it.</summary>
    public string? Resource { get; init; }

    /// <summary><c>keep</c>, <c>resource</c> or a name.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Who may visit: rules with commas between them.</summary>
    public string? Visitors { get; init; }

    /// <summary>Whether the server keeps the last exchanges; null: it does.</summary>
    public bool? Inspect { get; init; }

    /// <summary>Whether other programs of the same client may serve the name as well.</summary>
    public bool Share { get; init; }

    /// <summary>Whether a visitor stays with the program that served it first.</summary>
    public bool Sticky { get; init; }

    /// <summary>The path by which nodes ask whether the resource is well.</summary>
    public string? Health { get; init; }

    /// <summary>Whether it is reached by <c>dial</c> only.</summary>
    public bool Private { get; init; }

    /// <summary>Further resources by path: text, or an object.</summary>
    public Dictionary<string, JsonElement>? Routes { get; init; }

    /// <summary>Headers that the resource gets: name and value, or null for one that is taken away.</summary>
    public Dictionary<string, string?>? RequestHeaders { get; init; }

    /// <summary>The same of what the visitor gets.</summary>
    public Dictionary<string, string?>? ResponseHeaders { get; init; }

    /// <summary><c>shared</c> or <c>per-visitor</c>.</summary>
    public string? Carriers { get; init; }

    /// <summary>Until an answer begins, in seconds.</summary>
    public double? HeaderTimeout { get; init; }

    /// <summary>While an answer stands still, in seconds.</summary>
    public double? IdleTimeout { get; init; }

    /// <summary>Whether the resource's certificate is taken as it is.</summary>
    public bool InsecureResource { get; init; }

    /// <summary><c>queue</c> or <c>refuse</c>: what becomes of requests while this program is away.</summary>
    public string? Offline { get; init; }

    /// <summary>For a channel: how long an answer is waited for, such as <c>10s</c>.</summary>
    public string? Reply { get; init; }

    /// <summary>Reads a pipe: text is its resource, an object has these members.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="value">What stands there.</param>
    /// <exception cref="UsageException">It is neither, or has a member that is not known.</exception>
    public static ProjectPipe Read(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            return new ProjectPipe { Resource = value.GetString() };
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new UsageException($"{ProjectFile.FileName}: the pipe \"{name}\" is neither text nor an object; {ProjectFile.Shape}.");
        }

        try
        {
            return value.Deserialize<ProjectPipe>(ProjectFile.Json)!;
        }
        catch (JsonException e)
        {
            throw new UsageException($"{ProjectFile.FileName}: the pipe \"{name}\" has something at {e.Path ?? "$"} that does not belong there; {ProjectFile.Shape}.");
        }
    }

    /// <summary>The pipe as <c>up</c> serves it.</summary>
    /// <exception cref="UsageException">It has no resource, or something that cannot be.</exception>
    public PipeSpec ToSpec(string name) =>
        PipeSpec.Of(name, Resource ?? throw new UsageException($"{ProjectFile.FileName}: the pipe \"{name}\" has no resource; {ProjectFile.Shape}."), Private) with
        {
            HostHeader = HostHeader is null ? null : PipeSpec.HostHeaderOf(HostHeader),
            Visitors = Visitors is null ? null : VisitorWords.Of([Visitors]),
            Share = Share,
            Sticky = Sticky,
            Health = Health,
            Inspect = Inspect ?? true,
            Offline = Offline is null ? PipeOffline.Refuse : PipeSpec.OfflineOf(Offline),
            Reply = Reply is null ? null : PipeSpec.ReplyOf(Reply),
            Traffic = ToTraffic(),
        };

    private PipeTraffic? ToTraffic() => (Routes, RequestHeaders, ResponseHeaders, Carriers, HeaderTimeout, IdleTimeout, InsecureResource) == default
        ? null
        : new()
        {
            Routes = [.. (Routes ?? []).Select(r => RouteOf(r.Key, r.Value))],
            RequestHeaders = HeadersOf(RequestHeaders),
            ResponseHeaders = HeadersOf(ResponseHeaders),
            Carriers = PipeTraffic.CarriersOf(Carriers),
            HeaderTimeout = PipeTraffic.TimeoutOf(HeaderTimeout),
            IdleTimeout = PipeTraffic.TimeoutOf(IdleTimeout),
            InsecureResource = InsecureResource,
        };

    private static PipeHeader[] HeadersOf(Dictionary<string, string?>? headers) => [.. (headers ?? []).Select(h => new PipeHeader { Name = h.Key, Value = h.Value })];

    private static PipeRoute RouteOf(string path, JsonElement value)
    {
        RouteEntry? entry;
        try
        {
            entry = value.ValueKind == JsonValueKind.String ? new(value.GetString(), null, null) : value.Deserialize<RouteEntry>(ProjectFile.Json);
        }
        catch (JsonException)
        {
            entry = null;
        }

        return new()
        {
            Path = PipeSpec.PathOf(path),
            Resource = PipeSpec.ResourceOf(entry?.Resource ?? throw new UsageException($"{ProjectFile.FileName}: the route \"{path}\" has no resource; {ProjectFile.Shape}.")),
            HostHeader = entry.HostHeader is { } header ? PipeSpec.HostHeaderOf(header) : null,
            Strip = entry.Strip,
        };
    }

    private sealed record RouteEntry(string? Resource, string? HostHeader, bool? Strip);
}
