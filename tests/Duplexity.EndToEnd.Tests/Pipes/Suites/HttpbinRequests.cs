using System.IO.Compression;
using System.Net;
using System.Text;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>One request as a visitor writes it; what is not ASCII is Latin-1.</summary>
/// <param name="Line">The request line.</param>
/// <param name="Headers">All headers but <c>Host</c>.</param>
/// <param name="Body">What follows the head, with its framing.</param>
internal sealed record HttpbinRequest(string Line, string[] Headers, string Body = "")
{
    public string Method => Line.Split(' ')[0];

    /// <summary>The body is sent only when the other side has asked for it.</summary>
    public bool Expects => Headers.Any(h => h.StartsWith("Expect:", StringComparison.Ordinal));

    /// <summary>It has nothing that there is in HTTP/1 alone.</summary>
    public bool IsForHttp2 => Line.Contains(" /", StringComparison.Ordinal) && Line.EndsWith("/1.1", StringComparison.Ordinal) && !Headers.Any(h => h.StartsWith("Transfer-Encoding:", StringComparison.Ordinal));

    /// <summary>The same for HTTP/2, to this machine.</summary>
    public HttpRequestMessage ToMessage(int port)
    {
        var target = new Uri($"http://127.0.0.1:{port}{Line.Split(' ')[1]}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var message = new HttpRequestMessage(new HttpMethod(Method), target) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (Body.Length > 0 || Headers.Contains("Content-Length: 0"))
        {
            message.Content = new ByteArrayContent(Encoding.Latin1.GetBytes(Body));
        }

        foreach (var header in Headers.Select(h => h.Split(':', 2)))
        {
            if (!message.Headers.TryAddWithoutValidation(header[0], header[1].TrimStart(' ')) && header[0] != "Content-Length")
            {
                message.Content!.Headers.TryAddWithoutValidation(header[0], header[1].TrimStart(' '));
            }
        }

        return message;
    }
}

/// <summary>What the differential client asks httpbin, each request by a sentence.</summary>
internal static class HttpbinRequests
{
    private const string Form = "Content-Type: application/x-www-form-urlencoded";
    private const string Chunked = "Transfer-Encoding: chunked";

    private static readonly string Bytes = Encoding.Latin1.GetString([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);

    public static readonly IReadOnlyDictionary<string, HttpbinRequest> All = new Dictionary<string, HttpbinRequest>
    {
        ["repeated and empty names in a query"] = Get("/get?a=1&a=2&b=&c&&d=%26"),
        ["an empty query"] = Get("/anything?"),
        ["a query beyond ASCII"] = Get("/get?cat=%F0%9F%90%88&latin=%E9&plus=a+b%2Bc"),
        ["a long query"] = Get("/get?q=" + new string('x', 3_900)),
        ["a path beyond ASCII"] = Get("/anything/caf%C3%A9/%E2%82%AC"),
        ["a path in Latin-1"] = Get("/anything/caf%E9"),
        ["an encoded slash and encoded dots"] = Get("/anything/a%2Fb/%2e%2e/%2E/c"),
        ["dots"] = Get("/anything/a/../b/./c"),
        ["double slashes"] = Get("/anything//a///b//"),
        ["characters that need no encoding and have it"] = Get("/anything/%7Etodd/%41%2d%5F"),
        ["reserved characters"] = Get("/anything/a;b=c,d@e:f!$&'()*+"),
        ["an encoded percent sign and question mark"] = Get("/anything/100%25/%3Fq%23x"),
        ["a path that there is not"] = Get("/nowhere"),
        ["the absolute form"] = Get("http://httpbin.example/get?form=absolute"),

        ["headers that come twice"] = Get("/headers", "X-Twice: one", "X-Twice: two", "Accept: text/plain", "Accept: text/html;q=0.5"),
        ["an empty header"] = Get("/headers", "X-Empty:", "X-Blanks:   a  b\tc"),
        ["a Latin-1 header"] = Get("/headers", "X-Name: caf\u00e9 \u00ff"),
        ["a header of 7 KB"] = Get("/headers", "X-Long: " + new string('y', 7_000)),
        ["eighty headers"] = Get("/headers", [.. Enumerable.Range(0, 80).Select(i => $"X-{i}: {i}")]),
        ["an odd header name"] = Get("/headers", "X!#$%&'*+.^`|~: odd"),
        ["a user agent and a referrer"] = Get("/anything", "User-Agent: tests/1.0 (a; b)", "Referer: http://elsewhere.example/a?b", "Origin: http://elsewhere.example", "DNT: 1", "Cache-Control: no-cache", "Pragma: no-cache"),
        ["cookies"] = Get("/cookies", "Cookie: a=1; b=\"two words\"; c="),
        ["cookies in two lines"] = Get("/cookies", "Cookie: a=1", "Cookie: b=2"),
        ["cookies that are set and a redirect"] = Get("/cookies/set?first=1&second=2"),
        ["cookies that are deleted"] = Get("/cookies/delete?first&second", "Cookie: first=1; second=2"),
        ["answer headers that come twice"] = Get("/response-headers?X-Twice=one&X-Twice=two&X-Comma=a,b&Vary=Accept"),
        ["answer headers of a cache"] = Get("/cache/60"),

        ["a form"] = With("POST", "/post", "a=1&b=two+words&b=%C3%A9", Form),
        ["an empty form"] = With("POST", "/post", "", Form),
        ["JSON"] = With("POST", "/post", "{\"a\": [1, 2, null], \"b\": \"\\u00e9\"}", "Content-Type: application/json"),
        ["several parts"] = With("POST", "/post", "--cut\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--cut\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\n\r\n\u0001\u0002\r\n--cut--\r\n", "Content-Type: multipart/form-data; boundary=cut"),
        ["all bytes"] = With("POST", "/post", Bytes, "Content-Type: application/octet-stream"),
        ["a megabyte"] = With("PUT", "/put", string.Concat(Enumerable.Repeat(Bytes, 4096)), "Content-Type: application/octet-stream"),
        ["a PUT"] = With("PUT", "/put", "put", "Content-Type: text/plain"),
        ["a PATCH"] = With("PATCH", "/patch", "patch", "Content-Type: text/plain"),
        ["a DELETE with a body"] = With("DELETE", "/delete", "delete", "Content-Type: text/plain"),
        ["a DELETE without one"] = new("DELETE /delete HTTP/1.1", []),
        ["a POST that says nothing of a body"] = new("POST /post HTTP/1.1", []),
        ["a GET with a body"] = With("GET", "/anything", "a body", "Content-Type: text/plain"),
        ["chunks"] = new("POST /post HTTP/1.1", [Chunked, "Content-Type: text/plain"], "5\r\nhello\r\nA;extension=\"x\"\r\n, in parts\r\n0\r\n\r\n"),
        ["chunks with a trailer"] = new("PUT /put HTTP/1.1", [Chunked, "Trailer: X-Sum", "Content-Type: text/plain"], "3\r\nsum\r\n0\r\nX-Sum: 3\r\n\r\n"),
        ["no chunks"] = new("POST /post HTTP/1.1", [Chunked], "0\r\n\r\n"),
        ["a body in gzip"] = With("POST", "/anything", Gzip("compressed"), "Content-Encoding: gzip", "Content-Type: text/plain"),
        ["a body that waits to be asked for"] = With("POST", "/post", "waited", "Expect: 100-continue", "Content-Type: text/plain"),

        ["HEAD"] = new("HEAD /get?head=1 HTTP/1.1", []),
        ["HEAD of a stream"] = new("HEAD /stream/3 HTTP/1.1", []),
        ["HEAD of what is not there"] = new("HEAD /status/404 HTTP/1.1", []),
        ["OPTIONS"] = new("OPTIONS /get HTTP/1.1", []),
        ["OPTIONS before a request from elsewhere"] = new("OPTIONS /post HTTP/1.1", ["Origin: http://elsewhere.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-a"]),
        ["TRACE"] = new("TRACE /anything HTTP/1.1", []),
        ["a method that is not allowed"] = new("POST /get HTTP/1.1", ["Content-Length: 0"]),
        ["a method that nobody knows"] = new("PURGE /get HTTP/1.1", []),

        ["gzip"] = Get("/gzip", "Accept-Encoding: gzip"),
        ["deflate"] = Get("/deflate", "Accept-Encoding: deflate"),
        ["brotli"] = Get("/brotli", "Accept-Encoding: br"),
        ["UTF-8"] = Get("/encoding/utf8"),
        ["a picture"] = Get("/image/png"),
        ["a picture by what is accepted"] = Get("/image", "Accept: image/webp"),
        ["a stream of lines"] = Get("/stream/20"),
        ["a stream of bytes"] = Get("/stream-bytes/100000?seed=7&chunk_size=777"),
        ["bytes"] = Get("/bytes/65536?seed=3"),
        ["drops"] = Get("/drip?numbytes=5&duration=0.4&delay=0.1"),
        ["a late answer"] = Get("/delay/0.5"),

        ["a range"] = Get("/range/1024", "Range: bytes=10-20"),
        ["an open range"] = Get("/range/1024?chunk_size=100", "Range: bytes=1000-"),
        ["a range from the end"] = Get("/range/1024", "Range: bytes=-10"),
        ["a range beyond the end"] = Get("/range/1024", "Range: bytes=2000-3000"),
        ["no range"] = Get("/range/1024"),
        ["a relative redirect"] = Get("/relative-redirect/2"),
        ["an absolute redirect"] = Get("/absolute-redirect/2"),
        ["a redirect elsewhere that keeps the method"] = With("POST", "/redirect-to", "url=http%3A%2F%2Felsewhere.example%2F%3Fa%3Db%23c&status_code=307", Form),
        ["what has not changed, by its tag"] = Get("/etag/abc", "If-None-Match: \"abc\""),
        ["what has not changed, by the time"] = Get("/cache", "If-Modified-Since: Thu, 26 Nov 2026 00:00:00 GMT"),
        ["what has changed, by its tag"] = Get("/etag/abc", "If-Match: \"other\""),
        ["nobody's password"] = Get("/basic-auth/amy/secret"),
        ["the right password"] = Get("/basic-auth/amy/secret", "Authorization: Basic YW15OnNlY3JldA=="),
        ["a bearer's token"] = Get("/bearer", "Authorization: Bearer abc"),
        ["HTTP/1.0"] = new("GET /get HTTP/1.0", []),
        ["HTTP/1.0 of a stream"] = new("GET /stream/3 HTTP/1.0", []),
        ["HTTP/1.0 that would stay"] = new("GET /get HTTP/1.0", ["Connection: keep-alive"]),
    };

    /// <summary>Codes that mean something to those on the way, and some that nobody has defined.</summary>
    public static readonly int[] Statuses =
        [200, 201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 416, 417, 418, 421, 425, 426, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 511, 599];

    private static HttpbinRequest Get(string target, params string[] headers) => new($"GET {target} HTTP/1.1", headers);

    private static HttpbinRequest With(string method, string target, string body, params string[] headers) =>
        new($"{method} {target} HTTP/1.1", [.. headers, $"Content-Length: {body.Length}"], body);

    private static string Gzip(string text)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.Latin1.GetBytes(text));
        }

        return Encoding.Latin1.GetString(bytes.ToArray());
    }
}
