using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>
/// A visitor who sends each request once, whatever becomes of it, where <c>HttpClient</c> repeats some by itself. One connection, opened again where it had to end; every wait is bounded.
/// </summary>
internal sealed class OnceVisitor(int port, string host) : IAsyncDisposable
{
    private RawVisitor? _connection;

    /// <summary>Sends a request and reads the answer by its framing. A connection that ends before the head is whole is an exception: nobody was told anything.</summary>
    public async Task<VisitorAnswer> AskAsync(string method, string target, string? body = null, bool isChunked = false)
    {
        _connection ??= await RawVisitor.ConnectAsync(port);
        await _connection.SendAsync($"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{Framed(body, isChunked)}");
        var head = await _connection.ReadHeadAsync();
        var status = int.Parse(head.AsSpan(9, 3), CultureInfo.InvariantCulture);
        var isOver = Header(head, "Connection") == "close";
        string? text;
        try
        {
            text = method == "HEAD" ? "" : await BodyAsync(_connection, head);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            (text, isOver) = (null, true);
        }

        if (isOver)
        {
            await DisposeAsync();
        }

        return new(status, head, text);
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }

    /// <summary>The value of a header; null: it is not there.</summary>
    public static string? Header(string head, string name) =>
        head.Split("\r\n").Skip(1).FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

    private static string Framed(string? body, bool isChunked) => (body, isChunked) switch
    {
        (null, _) => "\r\n",
        (_, true) => $"Transfer-Encoding: chunked\r\n\r\n{body.Length:x}\r\n{body}\r\n0\r\n\r\n",
        _ => $"Content-Length: {body.Length}\r\n\r\n{body}",
    };

    private static async Task<string> BodyAsync(RawVisitor connection, string head)
    {
        if (Header(head, "Transfer-Encoding") != "chunked")
        {
            return await ExactlyAsync(connection, int.Parse(Header(head, "Content-Length") ?? "0", CultureInfo.InvariantCulture));
        }

        var text = new StringBuilder();
        while (true)
        {
            var line = await connection.ReadLineAsync() ?? throw new IOException("The connection ended between two chunks.");
            var size = int.Parse(line, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            text.Append(await ExactlyAsync(connection, size));
            await ExactlyAsync(connection, 2);
            if (size == 0)
            {
                return text.ToString();
            }
        }
    }

    private static async Task<string> ExactlyAsync(RawVisitor connection, int count) => Encoding.Latin1.GetString(await connection.ReadExactlyAsync(count));
}

/// <summary>What a visitor got; without a <paramref name="Body"/> the connection ended within it, which no reader takes for the whole.</summary>
internal sealed record VisitorAnswer(int Status, string Head, string? Body);
