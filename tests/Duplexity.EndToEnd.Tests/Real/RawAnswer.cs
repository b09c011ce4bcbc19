using System.Globalization;
using System.Text;
using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>An HTTP/1.1 answer as it stood on the wire, read by its own framing.</summary>
/// <param name="Status">The code.</param>
/// <param name="Headers">All lines, in their order.</param>
/// <param name="Framing">How the body's end is known: <c>none</c>, <c>length</c>, <c>chunked</c> or <c>close</c>.</param>
/// <param name="Body">Without its framing, as Latin-1.</param>
internal sealed record RawAnswer(int Status, IReadOnlyList<(string Name, string Value)> Headers, string Framing, string Body)
{
    /// <summary>Reads one answer, interim ones included.</summary>
    public static async Task<RawAnswer> ReadAsync(RawVisitor connection, string method)
    {
        var head = (await connection.ReadHeadAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var status = int.Parse(head[0].Split(' ')[1], CultureInfo.InvariantCulture);
        var headers = head[1..].Select(line => line.Split(':', 2)).Select(parts => (parts[0], parts[1].Trim())).ToList();
        string? Value(string name) => headers.Find(h => h.Item1.Equals(name, StringComparison.OrdinalIgnoreCase)).Item2;

        if (method == "HEAD" || status is < 200 or 204 or 304)
        {
            return new RawAnswer(status, headers, "none", "");
        }

        if (Value("Transfer-Encoding") == "chunked")
        {
            return new RawAnswer(status, headers, "chunked", await ReadChunksAsync(connection));
        }

        return Value("Content-Length") is { } length
            ? new RawAnswer(status, headers, "length", Encoding.Latin1.GetString(await connection.ReadExactlyAsync(int.Parse(length, CultureInfo.InvariantCulture))))
            : new RawAnswer(status, headers, "close", await connection.ReadToEndAsync());
    }

    private static async Task<string> ReadChunksAsync(RawVisitor connection)
    {
        var body = new StringBuilder();
        while (true)
        {
            var size = int.Parse((await connection.ReadLineAsync())!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.Append(Encoding.Latin1.GetString(await connection.ReadExactlyAsync(size)));
            _ = await connection.ReadLineAsync();
            if (size == 0)
            {
                return body.ToString();
            }
        }
    }
}
