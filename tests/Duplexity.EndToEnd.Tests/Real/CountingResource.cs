using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>
/// A web server that says its name and gives back what it was asked, and counts the requests by their path. Of ten one is read and left without an answer, its connection closed; one is answered in two pieces, one in chunks.
/// </summary>
internal sealed class CountingResource : IAsyncDisposable
{
    private readonly string _name;
    private readonly RawResource _resource;
    private int _requests;

    public CountingResource(string name)
    {
        _name = name;
        _resource = new RawResource(ServeAsync);
    }

    public int Port => _resource.Port;

    /// <summary>How often each path was asked for.</summary>
    public ConcurrentDictionary<string, int> Seen { get; } = new();

    public ValueTask DisposeAsync() => _resource.DisposeAsync();

    /// <summary>What it answers to a request.</summary>
    public static string Answer(string name, string method, string path, string? body) => $"{name} {method} {path} {body}";

    private async Task ServeAsync(RawVisitor connection)
    {
        while (await connection.ReadLineAsync(TestTimeout.Long) is { } line)
        {
            var (method, path) = (line.Split(' ')[0], line.Split(' ')[1]);
            Seen.AddOrUpdate(path, 1, (_, n) => n + 1);
            var head = await connection.ReadHeadAsync();
            var body = await BodyAsync(connection, head);
            var kind = Interlocked.Increment(ref _requests) % 10;
            if (kind == 3)
            {
                return;
            }

            var answer = method == "HEAD" ? "" : Answer(_name, method, path, body);
            if (kind == 5 && method != "HEAD")
            {
                await connection.SendAsync($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{answer.Length:x}\r\n{answer}\r\n");
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(5));
                await connection.SendAsync("0\r\n\r\n");
                continue;
            }

            // To HEAD as well: there the name comes in a header alone.
            var length = method == "HEAD" ? 0 : answer.Length;
            var whole = $"HTTP/1.1 200 OK\r\nX-Resource: {_name} {path}\r\nContent-Length: {length}\r\n\r\n{answer}";
            var first = kind == 7 && length > 0 ? whole.Length - (length / 2) : whole.Length;
            await connection.SendAsync(whole[..first]);
            if (first < whole.Length)
            {
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(5));
                await connection.SendAsync(whole[first..]);
            }
        }
    }

    private static async Task<string> BodyAsync(RawVisitor connection, string head)
    {
        if (OnceVisitor.Header("\r\n" + head, "Transfer-Encoding") != "chunked")
        {
            var length = int.Parse(OnceVisitor.Header("\r\n" + head, "Content-Length") ?? "0", CultureInfo.InvariantCulture);
            return Encoding.Latin1.GetString(await connection.ReadExactlyAsync(length));
        }

        var text = new StringBuilder();
        while (int.Parse(await connection.ReadLineAsync() ?? "0", NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var size and > 0)
        {
            text.Append(Encoding.Latin1.GetString(await connection.ReadExactlyAsync(size)));
            await connection.ReadLineAsync();
        }

        await connection.ReadLineAsync();
        return text.ToString();
    }
}
