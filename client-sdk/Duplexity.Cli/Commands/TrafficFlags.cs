using System.CommandLine;
using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Commands;

/// <summary>The options of <c>up</c> that concern what passes.</summary>
internal sealed class TrafficFlags
{
    private readonly Option<bool> _strip = new("--strip") { Description = "take the path of a route (NAME/PATH=RESOURCE) off before its resource sees it" };

    private readonly Option<string[]> _request = new("--request-header")
    {
        Description = "NAME=VALUE: a header that the resource gets · NAME: one that it does not get; may be repeated",
        HelpName = "HEADER",
    };

    private readonly Option<string[]> _response = new("--response-header") { Description = "the same for what the visitor gets", HelpName = "HEADER" };

    private readonly Option<string?> _carriers = new("--carriers")
    {
        Description = "shared: a connection to the resource serves one visitor after the other (default) · per-visitor",
        HelpName = "WHO",
    };

    private readonly Option<double?> _headerTimeout = new("--header-timeout") { Description = "how long the resource may take until its answer begins; then 504. Default: as long as it likes", HelpName = "SECONDS" };

    private readonly Option<double?> _idleTimeout = new("--idle-timeout") { Description = "how long an answer that has begun may stand still. Default: as long as it likes; never for streams", HelpName = "SECONDS" };

    private readonly Option<bool> _insecure = new("--insecure-resource") { Description = "take the certificate of an https:// or h2:// resource as it is, such as a development server's" };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _strip, _request, _response, _carriers, _headerTimeout, _idleTimeout, _insecure })
        {
            command.Add(option);
        }
    }

    public bool Strip(ParseResult parsed) => parsed.GetValue(_strip);

    public PipeTraffic Read(ParseResult parsed) => new()
    {
        RequestHeaders = [.. (parsed.GetValue(_request) ?? []).Select(PipeTraffic.HeaderOf)],
        ResponseHeaders = [.. (parsed.GetValue(_response) ?? []).Select(PipeTraffic.HeaderOf)],
        Carriers = PipeTraffic.CarriersOf(parsed.GetValue(_carriers)),
        HeaderTimeout = PipeTraffic.TimeoutOf(parsed.GetValue(_headerTimeout)),
        IdleTimeout = PipeTraffic.TimeoutOf(parsed.GetValue(_idleTimeout)),
        InsecureResource = parsed.GetValue(_insecure),
    };
}
