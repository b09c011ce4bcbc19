using System.Collections.Concurrent;
using System.Text;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>
/// Requests that two parsers might read in two ways. Each is refused at the front, or reaches the resource as one well-formed request; the resource here writes down every byte, and nothing that was meant for
/// it to find behind the first request gets there as a second one.
/// </summary>
[Trait("Guarantee", "G13")]
[Trait("Requirement", "3.4")]
public sealed class SmugglingTests(SmugglingTests.Rig rig) : IClassFixture<SmugglingTests.Rig>
{
    private const string Host = "Host: cat1.localhost\r\n";
    private const string Inner = "GET /smuggled HTTP/1.1\r\nHost: cat1.localhost\r\n\r\n";

    public static TheoryData<string, string> Refused => new()
    {
        { "two lengths", $"POST / HTTP/1.1\r\n{Host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello{Inner}" },
        { "two lengths in one line", $"POST / HTTP/1.1\r\n{Host}Content-Length: 5, 5\r\n\r\nhello{Inner}" },
        { "a negative length", $"POST / HTTP/1.1\r\n{Host}Content-Length: -5\r\n\r\nhello{Inner}" },
        { "a hexadecimal length", $"POST / HTTP/1.1\r\n{Host}Content-Length: 0x5\r\n\r\nhello{Inner}" },
        { "an encoding that nobody knows", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{Inner}" },
        { "chunked not last", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{Inner}" },
        { "a space before the colon", $"POST / HTTP/1.1\r\n{Host}Content-Length : 5\r\n\r\nhello{Inner}" },
        { "a folded header", $"POST / HTTP/1.1\r\n{Host}X-A: b\r\n Content-Length: 5\r\n\r\n{Inner}" },
        { "a folded encoding", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{Inner}" },
        { "a bare CR in a header", $"GET / HTTP/1.1\r\n{Host}X-A: b\rTransfer-Encoding: chunked\r\n\r\n{Inner}" },
        { "a NUL in a header", $"GET / HTTP/1.1\r\n{Host}X-A: b\0c\r\n\r\n{Inner}" },
        { "a header without a name", $"GET / HTTP/1.1\r\n{Host}: x\r\n\r\n{Inner}" },
        { "a header without a colon", $"GET / HTTP/1.1\r\n{Host}Transfer-Encoding chunked\r\n\r\n{Inner}" },
        { "no host", $"GET / HTTP/1.1\r\n\r\n{Inner}" },
        { "two hosts", $"GET / HTTP/1.1\r\n{Host}Host: dog1.localhost\r\n\r\n{Inner}" },
        { "a host with a path", $"GET / HTTP/1.1\r\nHost: cat1.localhost/x\r\n\r\n{Inner}" },
        { "a host with a user", $"GET / HTTP/1.1\r\nHost: me@cat1.localhost\r\n\r\n{Inner}" },
        { "another authority in the target", $"GET http://dog1.localhost/ HTTP/1.1\r\n{Host}\r\n{Inner}" },
        { "a target without a slash", $"GET x HTTP/1.1\r\n{Host}\r\n{Inner}" },
        { "HTTP/0.9", "GET /\r\n\r\n" },
        { "HTTP/3.0 in words", $"GET / HTTP/3.0\r\n{Host}\r\n{Inner}" },
        { "a chunk whose size is none", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n0\r\n\r\n{Inner}" },
        { "a chunk whose size is too large", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n100000000000000005\r\nhello\r\n0\r\n\r\n{Inner}" },
        { "a chunk that is longer than it says", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n{Inner}" },
        { "a line as long as a book", $"GET /{new string('a', 100_000)} HTTP/1.1\r\n{Host}\r\n{Inner}" },
        { "more headers than anyone sends", $"GET / HTTP/1.1\r\n{Host}{string.Concat(Enumerable.Range(0, 300).Select(i => $"X-{i}: y\r\n"))}\r\n{Inner}" },
        { "CONNECT", $"CONNECT cat1.localhost:80 HTTP/1.1\r\n{Host}\r\n{Inner}" },
    };

    public static TheoryData<string, string, string, string> Passed => new()
    {
        // What, what is sent, what the resource must have read, what it must not have.
        { "a length and chunks", $"POST / HTTP/1.1\r\n{Host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length" },
        { "a chunk extension", $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n", "\r\n5\r\nhello\r\n", ";a=" },
        { "a length with a sign", $"POST / HTTP/1.1\r\n{Host}Content-Length: +5\r\n\r\nhello", "Content-Length: 5\r\n", "+5" },

        // Beside close, keep-alive or upgrade in one line Kestrel forgets it, and it passes like any other: it is the visitor's own, and takes nothing of ours away.
        { "a hop-by-hop header", $"GET / HTTP/1.1\r\n{Host}Connection: X-Secret\r\nX-Secret: 1\r\n\r\n", "GET / HTTP/1.1", "X-Secret" },
        { "a framing header named hop-by-hop", $"POST / HTTP/1.1\r\n{Host}Connection: close, Content-Length\r\nContent-Length: 5\r\n\r\nhello", "Content-Length: 5", "Connection: close" },
        { "the host named hop-by-hop", $"GET / HTTP/1.1\r\n{Host}Connection: close, Host\r\n\r\n", "Host: cat1.localhost", "Connection" },
        { "an upgrade to HTTP/2", $"GET / HTTP/1.1\r\n{Host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "GET / HTTP/1.1", "pgrade" },
        { "an upgrade to anything", $"GET / HTTP/1.1\r\n{Host}Connection: Upgrade\r\nUpgrade: gopher\r\n\r\n", "GET / HTTP/1.1", "opher" },
        { "trailers that frame and vouch", $"POST / HTTP/1.1\r\n{Host}TE: trailers\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 90\r\nHost: dog1\r\nX-Forwarded-For: me\r\n\r\n", "hello\r\n0\r\n\r\n", "Content-Length: 90" },
        { "the whole address as target", $"GET http://cat1.localhost/a?b HTTP/1.1\r\n{Host}\r\n", "GET /a?b HTTP/1.1", "GET http" },
        { "a header with an underscore", $"GET / HTTP/1.1\r\n{Host}Duplexity_Identity: me\r\nX_Forwarded_For: me\r\n\r\n", "GET / HTTP/1.1", ": me" },
        { "a body on GET", $"GET / HTTP/1.1\r\n{Host}Content-Length: 48\r\n\r\n{Inner[..48]}", "Content-Length: 48", "nothing" },
        { "a body on DELETE", $"DELETE / HTTP/1.1\r\n{Host}Content-Length: 5\r\n\r\nhello", "Content-Length: 5", "nothing" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_could_be_read_in_two_ways_is_refused(string what, string request)
    {
        rig.Forget();
        using var visitor = await rig.Host.RawAsync();

        await visitor.SendAsync(request);
        var answer = await visitor.ReadUntilAsync("\r\n");
        answer.Should().MatchRegex(@"^(HTTP/1\.1 (400|404|405|408|411|413|414|417|431|501|502|505) .*\r\n)?$", $"{what} is refused");
        visitor.Dispose();

        await rig.AskAsync();
        rig.Heard.Should().NotContain("smuggled", $"{what} brings no second request");
    }

    [Theory]
    [MemberData(nameof(Passed))]
    public async Task What_passes_is_one_well_formed_request(string what, string request, string contained, string absent)
    {
        rig.Forget();
        using var visitor = await rig.Host.RawAsync();

        await visitor.SendAsync(request);
        (await visitor.ReadUntilAsync("ok")).Should().StartWith("HTTP/1.1 200", what);
        rig.Heard.Should().Contain(contained, what).And.NotContain(absent, what);
        rig.Requests.Should().Be(1);
    }

    [Fact]
    public async Task Bare_line_feeds_reach_the_resource_as_proper_line_ends_or_not_at_all()
    {
        rig.Forget();
        using var visitor = await rig.Host.RawAsync();

        await visitor.SendAsync("POST / HTTP/1.1\nHost: cat1.localhost\nContent-Length: 5\nConnection: close\n\nhello");
        await visitor.ReadAllAsync();
        rig.Heard.Replace("\r\n", "", StringComparison.Ordinal).Should().NotContain("\n");
    }

    [Fact]
    public async Task Options_for_the_server_itself_is_asked_of_the_resource_as_a_path_or_refused()
    {
        rig.Forget();
        using var visitor = await rig.Host.RawAsync();

        await visitor.SendAsync($"OPTIONS * HTTP/1.1\r\n{Host}Connection: close\r\n\r\n");
        await visitor.ReadAllAsync();
        rig.Requests.Should().BeLessThanOrEqualTo(1);
        rig.Heard.Should().MatchRegex(@"^(OPTIONS / HTTP/1\.1\r\n|$)");
    }

    [Fact]
    public async Task Over_HTTP_2_the_authority_decides_and_pseudo_headers_are_no_headers()
    {
        rig.Forget();
        using var visitor = rig.Host.Visitor(version: System.Net.HttpVersion.Version20);

        // A client library cannot be made to send worse; what it can is a Host that is not the authority, and what HTTP/2 forbids.
        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent("hello"), Version = System.Net.HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.TryAddWithoutValidation("Transfer-Encoding", "chunked");
        using var answer = await visitor.SendAsync(request);
        ((int)answer.StatusCode).Should().Be(200);
        rig.Requests.Should().Be(1);
        rig.Heard.Should().StartWith("POST / HTTP/1.1\r\nHost: cat1.localhost").And.NotContain(":authority").And.NotContain(":path");
    }

    /// <summary>One host and resource for all rows: they cost more than the rows do.</summary>
    public sealed class Rig : IAsyncLifetime
    {
        private readonly ConcurrentQueue<string> _heard = new();
        private readonly RawServer _resource;
        private TunnelHost _host = null!;
        private int _requests;

        public Rig() => _resource = new(ServeAsync);

        internal TunnelHost Host => _host;

        public string Heard => string.Concat(_heard);

        public int Requests => Volatile.Read(ref _requests);

        public async Task InitializeAsync()
        {
            _host = await TunnelHost.StartAsync();
            await _host.Connect().ServeAsync("cat1", _resource.Resource);
        }

        public async Task DisposeAsync()
        {
            await _host.DisposeAsync();
            await _resource.DisposeAsync();
        }

        public void Forget()
        {
            _heard.Clear();
            Volatile.Write(ref _requests, 0);
        }

        /// <summary>A request of another visitor, behind everything that came before.</summary>
        public async Task AskAsync()
        {
            using var next = _host.Visitor();
            (await next.GetStringAsync("/next")).Should().Be("ok");
        }

        private async Task ServeAsync(RawVisitor connection, int number)
        {
            var buffer = new byte[64 * 1024];
            var all = new StringBuilder();
            while (await connection.Stream.ReadAsync(buffer) is var count and > 0)
            {
                var text = Encoding.Latin1.GetString(buffer, 0, count);
                _heard.Enqueue(text);
                all.Append(text);
                var said = all.ToString();
                var end = said.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                if (end >= 0 && IsWhole(said[..end], said[(end + 4)..]))
                {
                    all.Clear();
                    Interlocked.Increment(ref _requests);
                    await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            }
        }

        private static bool IsWhole(string head, string body)
        {
            var length = head.IndexOf("\r\nContent-Length: ", StringComparison.Ordinal);
            return head.Contains("chunked", StringComparison.Ordinal) ? body.EndsWith("\r\n\r\n", StringComparison.Ordinal) && body.Contains("0\r\n", StringComparison.Ordinal)
                : length < 0 || body.Length >= int.Parse(head[(length + 18)..].Split("\r\n")[0], System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
