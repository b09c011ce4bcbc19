using Duplexity.Protocol;

namespace Duplexity.Cli.Pipes;

/// <summary>What a pipe does with its traffic; what is null stays as it is by default.</summary>
internal sealed record PipeTraffic
{
    /// <summary>The resources of paths.</summary>
    public IReadOnlyList<PipeRoute> Routes { get; init; } = [];

    public IReadOnlyList<PipeHeader> RequestHeaders { get; init; } = [];

    public IReadOnlyList<PipeHeader> ResponseHeaders { get; init; } = [];

    public string? Carriers { get; init; }

    public TimeSpan? HeaderTimeout { get; init; }

    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Whether the resource's certificate is taken as it is.</summary>
    public bool InsecureResource { get; init; }

    /// <summary>The options of a pipe with this in them.</summary>
    public PipeOptions ApplyTo(PipeOptions options) => options with
    {
        Routes = Routes,
        RequestHeaders = RequestHeaders,
        ResponseHeaders = ResponseHeaders,
        Carriers = Carriers,
        HeaderTimeout = HeaderTimeout,
        IdleTimeout = IdleTimeout,
        TakesAnyCertificate = InsecureResource,
    };

    /// <summary>This, and over it what <paramref name="flags"/> say.</summary>
    public PipeTraffic With(PipeTraffic flags) => this with
    {
        RequestHeaders = flags.RequestHeaders.Count > 0 ? flags.RequestHeaders : RequestHeaders,
        ResponseHeaders = flags.ResponseHeaders.Count > 0 ? flags.ResponseHeaders : ResponseHeaders,
        Carriers = flags.Carriers ?? Carriers,
        HeaderTimeout = flags.HeaderTimeout ?? HeaderTimeout,
        IdleTimeout = flags.IdleTimeout ?? IdleTimeout,
        InsecureResource = flags.InsecureResource || InsecureResource,
    };

    /// <summary>Reads <c>NAME=VALUE</c>, or <c>NAME</c> for a header that is taken away.</summary>
    public static PipeHeader HeaderOf(string text)
    {
        var equals = text.IndexOf('=');
        return equals == 0 || text.Length == 0
            ? throw new UsageException($"\"{text}\" is no header; write NAME=VALUE, or NAME alone to take it away.")
            : new() { Name = equals < 0 ? text : text[..equals], Value = equals < 0 ? null : text[(equals + 1)..] };
    }

    /// <summary>Checks a choice of who shares carriers.</summary>
    public static string? CarriersOf(string? value) => value is null or "shared" or "per-visitor" ? value : throw new UsageException($"\"{value}\" is no choice of carriers; write shared or per-visitor.");

    /// <summary>Reads a time-out in seconds.</summary>
    public static TimeSpan? TimeoutOf(double? seconds) => seconds switch
    {
        null => null,
        >= 0.001 and <= 86_400 => TimeSpan.FromSeconds(seconds.Value),
        _ => throw new UsageException("A time-out is from 0.001 to 86400 seconds."),
    };
}
