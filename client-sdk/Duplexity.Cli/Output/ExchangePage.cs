using System.Text;
using Duplexity.Protocol;

namespace Duplexity.Cli.Output;

/// <summary>Exchanges that a server keeps, as <c>inspect</c> prints them. All of it came from visitors: it goes out by way of <see cref="Terminal"/> alone, a line at a time.</summary>
internal static class ExchangePage
{
    /// <summary>How much of a body a terminal gets, in characters; --json has all that is kept.</summary>
    private const int MostOfBody = 4096;

    public static IReadOnlyList<string> Headers { get; } = ["AT", "METHOD", "TARGET", "STATUS", "TOOK", "IN", "OUT", "VISITOR", "ID"];

    public static IReadOnlyList<string> Row(KeptExchange e, TimeProvider time) =>
    [
        Clock(e, time),
        e.Method,
        e.Target,
        Text($"{e.Status}"),
        Took(e.DurationMs),
        Text($"{e.RequestBytes}"),
        Text($"{e.ResponseBytes}"),
        (e.Client is null ? e.Visitor : $"{e.Client} {e.Visitor}") + (e.ReplayOf is null ? "" : $" (replay of {e.ReplayOf})"),
        e.Id,
    ];

    public static string Line(KeptExchange e, TimeProvider time) => string.Join(' ', Row(e, time).Where((cell, i) => cell.Length > 0 && Headers[i] is not ("IN" or "OUT")));

    public static void Print(Invocation run, ExchangeDetail detail)
    {
        if (run.Json)
        {
            run.Terminal.Line(JsonLine.Of(detail));
            return;
        }

        var e = detail.Exchange;
        run.Terminal.Line(Line(e, run.Around.Time));
        if (e.Session is not null)
        {
            run.Terminal.Line($"program  {e.Session}");
        }

        run.Terminal.Line($"times    {string.Join(" · ", Times(detail.Timings))}");
        foreach (var gate in detail.Gates)
        {
            run.Terminal.Line($"gate     {gate.Gate}: {gate.Outcome}");
        }

        run.Terminal.Line($"> {e.Method} {e.Target}");
        Print(run, ">", detail.Request, e.RequestBytes);
        run.Terminal.Line(Text($"< {e.Status}"));
        Print(run, "<", detail.Response, e.ResponseBytes);
    }

    private static IEnumerable<string> Times(ExchangeTimings t) =>
        new[] { ("located", t.LocatedMs), ("carrier", t.CarrierMs), ("first byte", t.FirstByteMs), ("end", t.EndMs) }.Where(p => p.Item2 is not null).Select(p => $"{p.Item1} {Took(p.Item2!.Value)}");

    private static void Print(Invocation run, string mark, ExchangeMessage message, long passed)
    {
        foreach (var header in message.Headers)
        {
            run.Terminal.Line($"{mark} {header.Name}: {header.Value}");
        }

        if (message.Body is { Length: > 0 } body)
        {
            var text = Body(body);
            run.Terminal.Line(mark);
            foreach (var line in (text.Length > MostOfBody ? text[..MostOfBody] : text).Split('\n'))
            {
                run.Terminal.Line($"{mark} {line.TrimEnd('\r')}");
            }

            if (text.Length > MostOfBody || !message.IsWhole)
            {
                run.Terminal.Line(Text($"{mark} … ({body.Length} bytes are kept of {passed}; --json has them)"));
            }
        }
        else if (passed > 0)
        {
            run.Terminal.Line(Text($"{mark} … ({passed} bytes, not kept)"));
        }
    }

    private static string Body(byte[] body)
    {
        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body);
            if (!text.Contains('\0'))
            {
                return text;
            }
        }
        catch (DecoderFallbackException)
        {
            // Bytes, or a character that was cut in two.
        }

        return body.AsSpan().Contains((byte)0) ? Text($"<{body.Length} bytes>") : Encoding.Latin1.GetString(body);
    }

    private static string Clock(KeptExchange e, TimeProvider time) => MessageLine.Clock(DateTimeOffset.FromUnixTimeMilliseconds(e.At), time);

    private static string Took(double ms) => Text($"{ms:0.#} ms");

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
