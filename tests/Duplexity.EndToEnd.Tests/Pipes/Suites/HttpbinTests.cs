using System.Text;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>The same bytes to httpbin, directly and through a pipe: the same answer, in status, headers, framing and body.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
[Trait("Requirement", "3.4")]
public sealed class HttpbinTests(SuiteStage stage, HttpbinFixture httpbin) : IClassFixture<HttpbinFixture>
{
    // They are about the connection or the moment, not about the answer; how the body is framed is compared by itself.
    private static readonly string[] NotCompared = ["Date", "Connection", "Keep-Alive", "Transfer-Encoding"];

    public static TheoryData<string> Names => [.. HttpbinRequests.All.Keys];

    private string Host => stage.Service.Host("httpbin");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_answer_is_the_same_through_a_pipe(string name)
    {
        var request = HttpbinRequests.All[name];
        await using var straight = await RawVisitor.ConnectAsync(httpbin.Httpbin.Port);
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);

        Same(await AskAsync(visitor, request), await AskAsync(straight, Forwarded(request)), name);
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task Visitors_at_once_who_ask_everything_in_turn_on_one_connection_each_get_their_own_answers()
    {
        // HTTP/1.0 would end the connection, the slow ones have been asked above, and the random bytes that httpbin gives to several at once come from one seed.
        var asked = HttpbinRequests.All.Where(r => !r.Value.Line.EndsWith("/1.0", StringComparison.Ordinal) && r.Key is not ("drops" or "a late answer" or "bytes" or "a stream of bytes")).ToArray();
        var direct = new Dictionary<string, RawAnswer>();
        foreach (var (name, request) in asked)
        {
            await using var straight = await RawVisitor.ConnectAsync(httpbin.Httpbin.Port);
            direct[name] = await AskAsync(straight, Forwarded(request));
        }

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async v =>
        {
            await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);

            // Each begins elsewhere, so that carriers go from a request of one kind to one of another.
            foreach (var (name, request) in asked.Skip(v * 13).Concat(asked.Take(v * 13)))
            {
                Same(await AskAsync(visitor, request), direct[name], $"{name}, visitor {v}");
            }
        })).Soon(TestTimeout.Long);
    }

    [Fact]
    public async Task Requests_that_wait_for_no_answer_are_answered_in_their_order()
    {
        string[] names = ["cookies", "a form", "a picture", "HEAD", "a stream of lines", "no chunks", "a range", "a path that there is not"];
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
        foreach (var request in names.Select(name => HttpbinRequests.All[name]))
        {
            await visitor.RequestAsync(request.Line, Host, request.Headers);
            await visitor.SendAsync(request.Body);
        }

        foreach (var name in names)
        {
            var request = HttpbinRequests.All[name];
            await using var straight = await RawVisitor.ConnectAsync(httpbin.Httpbin.Port);

            Same(await RawAnswer.ReadAsync(visitor, request.Method), await AskAsync(straight, Forwarded(request)), name);
        }
    }

    [Fact]
    public async Task The_answers_are_the_same_to_visitors_by_HTTP_2()
    {
        using var visitor = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseCookies = false,
            UseProxy = false,
            AllowAutoRedirect = false,
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        });
        foreach (var (name, request) in HttpbinRequests.All.Where(r => r.Value.IsForHttp2))
        {
            await using var straight = await RawVisitor.ConnectAsync(httpbin.Httpbin.Port);
            var direct = await AskAsync(straight, Forwarded(request));
            using var message = request.ToMessage(stage.H2Port);
            message.Headers.Host = Host;
            using var answer = await visitor.SendAsync(message, CancellationToken.None).Soon();
            var headers = answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated).SelectMany(h => h.Value.Select(value => (h.Key, value))).ToList();
            var body = Encoding.Latin1.GetString(await answer.Content.ReadAsByteArrayAsync().Soon());

            answer.Version.Major.Should().Be(2);
            Same(new RawAnswer((int)answer.StatusCode, headers, direct.Framing, body), direct, name);
        }
    }

    [Fact]
    public async Task Every_status_passes()
    {
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
        foreach (var status in HttpbinRequests.Statuses)
        {
            var request = new HttpbinRequest($"GET /status/{status} HTTP/1.1", []);
            await using var straight = await RawVisitor.ConnectAsync(httpbin.Httpbin.Port);

            Same(await AskAsync(visitor, request), await AskAsync(straight, Forwarded(request)), $"status {status}");
        }
    }

    private static void Same(RawAnswer piped, RawAnswer direct, string name)
    {
        piped.Status.Should().Be(direct.Status, name);
        piped.Framing.Should().Be(direct.Framing, name);
        Compared(piped).Should().Equal(Compared(direct), name);
        Timeless(piped).Should().Be(Timeless(direct), name);
    }

    // gzip writes down when it was made.
    private static string Timeless(RawAnswer answer) => answer.Headers.Contains(("Content-Encoding", "gzip")) ? answer.Body[..4] + answer.Body[8..] : answer.Body;

    // In the order of names, however they are written: neither that nor the order of lines is anybody's promise, but for those of one name.
    private static IEnumerable<string> Compared(RawAnswer answer) => answer.Headers
        .Where(h => !NotCompared.Contains(h.Name, StringComparer.OrdinalIgnoreCase))
        .Select(h => $"{h.Name.ToLowerInvariant()}: {h.Value}")
        .OrderBy(h => h.Split(':')[0], StringComparer.Ordinal);

    // What a pipe makes of a request: it leaves out what is for the connection, says who forwarded, joins the lines of one name, and writes down that there is no body where a body is usual.
    private HttpbinRequest Forwarded(HttpbinRequest request)
    {
        var lines = request.Headers
            .Where(h => !h.StartsWith("Connection:", StringComparison.Ordinal))
            .Select(h => h.Split(':', 2))
            .GroupBy(h => h[0], h => h[1].TrimStart(' '))
            .Select(g => $"{g.Key}: {string.Join(g.Key == "Cookie" ? "; " : ", ", g)}");
        string[] length = request is { Headers: [], Method: "POST" or "TRACE" or "PURGE" } ? ["Content-Length: 0"] : [];
        return request with { Headers = [.. lines, .. length, "X-Forwarded-For: 127.0.0.1", $"X-Forwarded-Host: {Host}", "X-Forwarded-Proto: http"] };
    }

    private async Task<RawAnswer> AskAsync(RawVisitor connection, HttpbinRequest request)
    {
        await connection.RequestAsync(request.Line.Replace("httpbin.example", Host), Host, request.Headers);
        if (request.Expects)
        {
            (await RawAnswer.ReadAsync(connection, request.Method)).Status.Should().Be(100);
        }

        await connection.SendAsync(request.Body);
        return await RawAnswer.ReadAsync(connection, request.Method);
    }
}
