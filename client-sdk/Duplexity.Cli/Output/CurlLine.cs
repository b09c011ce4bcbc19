using System.Globalization;
using System.Text;
using Duplexity.Protocol;

namespace Duplexity.Cli.Output;

/// <summary>
/// The request of an exchange as a command for a shell. What a visitor sent stays text there, whatever it is: every word is quoted, nothing is read from files (<c>--data-raw</c>) or expanded (<c>--globoff</c>), and the line is plain ASCII.
/// </summary>
internal static class CurlLine
{
    private const string Mark = "[redacted]";

    // What curl says by itself, and what belongs to the first connection or was put in by the server.
    private static readonly HashSet<string> Own = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Expect", "Content-Encoding", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Duplexity-Replayed",
    };

    /// <summary>The command, and what it leaves out.</summary>
    public static (string Line, IReadOnlyList<string> LeftOut) Of(ExchangeDetail exchange)
    {
        var request = exchange.Request;
        var left = request.Redacted.ToList();
        var line = new StringBuilder("curl --globoff --path-as-is");
        if (exchange.Exchange.Method == "HEAD")
        {
            line.Append(" --head");
        }
        else
        {
            line.Append(" --request ").Append(Quoted(exchange.Exchange.Method));
        }

        foreach (var header in request.Headers.Where(h => h.Value != Mark && !Own.Contains(h.Name!)))
        {
            // With a semicolon curl sends a header without a value; with a colon it would leave it out.
            line.Append(" --header ").Append(Quoted(header.Value!.Length == 0 ? $"{header.Name};" : $"{header.Name}: {header.Value}", Encoding.Latin1));
        }

        if (request.Body is { Length: > 0 } body)
        {
            if (!request.IsWhole || body.AsSpan().Contains((byte)0))
            {
                left.Add(string.Create(CultureInfo.InvariantCulture, $"the body of {exchange.Exchange.RequestBytes} bytes, which {(request.IsWhole ? "is not text" : "was not kept whole")}"));
            }
            else
            {
                line.Append(" --data-raw ").Append(Quoted(Encoding.Latin1.GetString(body), Encoding.Latin1));
            }
        }

        line.Append(' ').Append(Quoted(exchange.Url + exchange.Exchange.Target));
        return (line.ToString(), left);
    }

    private static string Quoted(string word, Encoding? encoding = null)
    {
        if (word.All(c => c is >= ' ' and < '\x7f'))
        {
            return $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
        }

        // Bash and zsh: \xHH in $'…' is one byte.
        var quoted = new StringBuilder("$'");
        foreach (var b in (encoding ?? Encoding.UTF8).GetBytes(word))
        {
            _ = (char)b is var c && c is >= ' ' and < '\x7f' and not ('\'' or '\\') ? quoted.Append(c) : quoted.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
        }

        return quoted.Append('\'').ToString();
    }
}
