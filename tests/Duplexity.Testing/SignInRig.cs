using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Duplexity.Testing;

/// <summary>A node whose people sign in at a <see cref="TestProvider"/>, and a person who does.</summary>
internal static class SignInRig
{
    public static Task<TestNode> StartAsync(TestProvider provider, Action<TestNodeSetup>? configure = null) => TestNode.StartAsync(s =>
    {
        s.TrustTestIssuer = false;
        provider.Configure(s.Settings);
        configure?.Invoke(s);
    });

    /// <summary>Signs in, and returns what the waiting terminal is told in the end.</summary>
    public static async Task<JsonElement> SignInAsync(TestNode node, TestProvider provider, string client)
    {
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
        using var browser = new BrowserRobot().As(client, provider);
        await browser.OpenAsync(terminal.Link);
        await browser.SubmitAsync(terminal.Code);
        await terminal.NextAsync();
        await terminal.ProveAsync();
        return await terminal.NextAsync();
    }

    public static async Task<(HttpStatusCode Status, JsonElement Tokens)> RefreshAsync(TestNode node, JsonElement tokens)
    {
        using var response = await node.Http.PostAsJsonAsync("auth/refresh", new { refresh_token = tokens.GetProperty("refresh_token").GetString() });
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }
}

/// <summary>A browser as far as a sign-in needs one: cookies, redirects and forms. It keeps Secure cookies on loopback, as Chromium does.</summary>
internal sealed partial class BrowserRobot : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = async (context, ct) =>
        {
            // As browsers do, and .NET does not: every *.localhost is this machine.
            var host = context.DnsEndPoint.Host.EndsWith("localhost", StringComparison.Ordinal) ? "127.0.0.1" : context.DnsEndPoint.Host;
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(host, context.DnsEndPoint.Port, ct);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    });
    private readonly Dictionary<(string Host, string Name), string> _cookies = [];
    private Uri _at = null!;

    public string Page { get; private set; } = "";

    public HttpStatusCode Status { get; private set; }

    public HttpResponseMessage Last { get; private set; } = null!;

    /// <summary>Where it was last sent and could not go: a loopback port of a program, or a page of an application.</summary>
    public Uri? SentTo { get; private set; }

    /// <summary>Has a session as somebody at the provider.</summary>
    public BrowserRobot As(string client, TestProvider provider)
    {
        _cookies[(new Uri(provider.Issuer).Authority, "who")] = client;
        return this;
    }

    public void Forget() => _cookies.Clear();

    /// <summary>Opens an address and follows where it leads, but not to where <paramref name="stop"/> says.</summary>
    public async Task OpenAsync(Uri address, Func<Uri, bool>? stop = null) => await SendAsync(new HttpRequestMessage(HttpMethod.Get, address), stop);

    /// <summary>Follows the page's own link onwards.</summary>
    public Task GoOnAsync() => OpenAsync(new Uri(_at, WebUtility.HtmlDecode(Go().Match(Page).Groups[1].Value)));

    /// <summary>A cookie of an authority (host and port).</summary>
    public string? Cookie(string authority, string name) => _cookies.GetValueOrDefault((authority, name));

    /// <summary>Gives it a cookie.</summary>
    public void Keep(string authority, string name, string value) => _cookies[(authority, name)] = value;

    /// <summary>Where it is.</summary>
    public Uri At => _at;

    /// <summary>Fills the form of the page and sends it.</summary>
    public async Task SubmitAsync(string code, string? origin = null)
    {
        var fields = Hidden().Matches(Page).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        fields["code"] = code;
        var action = new Uri(_at, WebUtility.HtmlDecode(Action().Match(Page).Groups[1].Value));
        var request = new HttpRequestMessage(HttpMethod.Post, action) { Content = new FormUrlEncodedContent(fields) };
        request.Headers.Add("Origin", origin ?? action.GetLeftPart(UriPartial.Authority));
        await SendAsync(request, null);
    }

    public void Dispose() => _http.Dispose();

    private async Task SendAsync(HttpRequestMessage request, Func<Uri, bool>? stop)
    {
        while (true)
        {
            _at = request.RequestUri!;
            request.Headers.Accept.ParseAdd("text/html");
            var own = _cookies.Where(c => c.Key.Host == _at.Authority).Select(c => $"{c.Key.Name}={c.Value}").ToArray();
            if (own.Length > 0)
            {
                request.Headers.Add("Cookie", string.Join("; ", own));
            }

            Last = await _http.SendAsync(request).Soon();
            foreach (var cookie in Last.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
            {
                var parts = cookie.Split(';')[0].Split('=', 2);
                _cookies[(_at.Authority, parts[0])] = parts[1];
            }

            if (Last.Headers.Location is not { } location)
            {
                (Status, Page) = (Last.StatusCode, await Last.Content.ReadAsStringAsync());
                return;
            }

            var next = new Uri(_at, location);
            if (stop?.Invoke(next) == true)
            {
                (SentTo, Status) = (next, Last.StatusCode);
                return;
            }

            request = new HttpRequestMessage(HttpMethod.Get, next);
        }
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"")]
    private static partial Regex Hidden();

    [GeneratedRegex("id=\"go\" href=\"([^\"]+)\"")]
    private static partial Regex Go();

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]+)\"")]
    private static partial Regex Action();
}
