using System.Globalization;

namespace Duplexity.Cli.Output;

/// <summary>A visitor's request as <c>up</c> prints it: time, method, path, status, duration.</summary>
internal static class ExchangeLine
{
    /// <summary>The exchange on one line; <paramref name="pipe"/> is the pipe's name where there are several, else null.</summary>
    public static string Text(Exchange exchange, string? pipe, TimeProvider time)
    {
        var what = exchange.Method is null ? "connection" : $"{exchange.Method} {exchange.Target}";
        var status = exchange.Status is { } code ? string.Create(CultureInfo.InvariantCulture, $" {code}") : "";
        var duration = string.Create(CultureInfo.InvariantCulture, $"{exchange.Duration.TotalMilliseconds:0.#} ms");
        var left = exchange.LeftOut > 0 ? string.Create(CultureInfo.InvariantCulture, $" (and {exchange.LeftOut} more, not shown)") : "";
        return $"{MessageLine.Clock(exchange.At, time)} {(pipe is null ? "" : pipe + " ")}{what}{status} {duration}{left}";
    }

    /// <summary>The exchange with the member names of the wire.</summary>
    public static object Json(Exchange exchange, string pipe) => new
    {
        Event = "exchange",
        Pipe = pipe,
        At = exchange.At.ToUnixTimeMilliseconds(),
        exchange.Method,
        exchange.Target,
        exchange.Status,
        DurationMs = exchange.Duration.TotalMilliseconds,
        LeftOut = exchange.LeftOut > 0 ? exchange.LeftOut : (int?)null,
    };
}
