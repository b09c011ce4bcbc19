using System.Collections.Concurrent;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;

namespace Duplexity.Server.Tests.Tunnels.Inspection;

/// <summary>A node, amy's pipe <c>cat1</c> that is inspected, the resource behind it, and a watch of what came in.</summary>
internal sealed class InspectedPipe : IAsyncDisposable
{
    private static readonly UriCreationOptions AsItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private readonly RawResource _resource;
    private readonly IAsyncEnumerator<KeptExchange> _kept;

    private InspectedPipe(TestNode node, RawResource resource, DuplexityConnection amy, Pipe pipe, ConcurrentQueue<(string Head, string Body)> received)
    {
        (Node, _resource, Amy, Pipe, Received) = (node, resource, amy, pipe, received);
        _kept = amy.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
    }

    public TestNode Node { get; }

    public DuplexityConnection Amy { get; }

    public Pipe Pipe { get; }

    /// <summary>What the resource got.</summary>
    public ConcurrentQueue<(string Head, string Body)> Received { get; }

    public string Resource => $"http://{_resource.Authority}";

    /// <param name="answer">What the resource says to a request's head and body: the headers, each with its line end, and the body.</param>
    /// <param name="setup">What the node is given.</param>
    public static async Task<InspectedPipe> StartAsync(Func<string, string, (string Headers, byte[] Body)>? answer = null, Action<TestNodeSetup>? setup = null)
    {
        var node = await TestNode.StartAsync(setup);
        var received = new ConcurrentQueue<(string, string)>();
        var resource = new RawResource(connection => ServeAsync(connection, received, answer ?? ((_, body) => ("", Encoding.Latin1.GetBytes($"got {body}")))));
        var amy = await node.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("cat1", $"http://{resource.Authority}", new PipeOptions { Inspect = true }).Soon();
        return new(node, resource, amy, pipe, received);
    }

    /// <summary>The next exchange that is kept.</summary>
    public async Task<KeptExchange> NextAsync()
    {
        (await _kept.MoveNextAsync().Soon()).Should().BeTrue();
        return _kept.Current;
    }

    /// <summary>A visit; and everything that is kept of it.</summary>
    public async Task<(string Answer, ExchangeDetail Kept)> VisitAsync(HttpMethod method, string target, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Node.Listening.GetLeftPart(UriPartial.Authority) + target, in AsItIs)) { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await Node.VisitAsync("cat1", request).Soon();
        var answer = await response.Content.ReadAsStringAsync().Soon();
        return (answer, (await Amy.Pipes.ReadExchangeAsync("cat1", (await NextAsync()).Id).Soon())!);
    }

    public async ValueTask DisposeAsync()
    {
        await _kept.DisposeAsync();
        await Amy.DisposeAsync();
        await _resource.DisposeAsync();
        await Node.DisposeAsync();
    }

    private static async Task ServeAsync(Duplexity.Testing.RawVisitor connection, ConcurrentQueue<(string Head, string Body)> received, Func<string, string, (string Headers, byte[] Body)> answer)
    {
        while (true)
        {
            var head = await connection.ReadHeadAsync();
            var body = "";
            if (head.Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) is { } length)
            {
                body = Encoding.Latin1.GetString(await connection.ReadExactlyAsync(int.Parse(length.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)));
            }

            received.Enqueue((head, body));
            var (headers, bytes) = answer(head, body);
            await connection.SendAsync($"HTTP/1.1 200 OK\r\n{headers}Content-Length: {bytes.Length}\r\n\r\n");
            await connection.SendAsync(bytes);
        }
    }
}
