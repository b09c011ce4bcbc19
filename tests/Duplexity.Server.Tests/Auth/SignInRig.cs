using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Duplexity.Testing;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Tests.Auth;

/// <summary>A program that waits on <c>POST /auth</c>, without the SDK.</summary>
internal sealed class WaitingProgram : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private WaitingProgram(HttpResponseMessage response, StreamReader lines, string verifier)
    {
        (_response, _lines, Verifier) = (response, lines, verifier);
    }

    public string Verifier { get; }

    public string Id { get; private set; } = "";

    public string Code { get; private set; } = "";

    public Uri Link { get; private set; } = null!;

    public static async Task<WaitingProgram> StartAsync(TestNode node, int? port = null, string program = "test on laptop")
    {
        var verifier = Base64UrlEncoder.Encode(RandomNumberGenerator.GetBytes(32));
        var challenge = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        var request = new HttpRequestMessage(HttpMethod.Post, "auth") { Content = JsonContent.Create(new { challenge, port, program }) };
        var response = await node.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Soon();
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(await response.Content.ReadAsStringAsync(), null, response.StatusCode);
        }

        var waiting = new WaitingProgram(response, new StreamReader(await response.Content.ReadAsStreamAsync()), verifier);
        var started = await waiting.NextAsync();
        waiting.Id = started.GetProperty("id").GetString()!;
        waiting.Code = started.GetProperty("code").GetString()!;
        waiting.Link = new Uri(started.GetProperty("link").GetString()!);
        return waiting;
    }

    /// <summary>The next event that is not "waiting".</summary>
    public async Task<JsonElement> NextAsync()
    {
        while (await _lines.ReadLineAsync().Soon() is { } line)
        {
            var told = JsonSerializer.Deserialize<JsonElement>(line);
            if (told.GetProperty("event").GetString() != "waiting")
            {
                return told;
            }
        }

        throw new IOException("The answer ended.");
    }

    public async Task<HttpStatusCode> ProveAsync(TestNode node, string? grant = null, string? verifier = null) =>
        (await node.Http.PostAsJsonAsync("auth/proof", new { id = Id, verifier = verifier ?? Verifier, grant })).StatusCode;

    public ValueTask DisposeAsync()
    {
        _lines.Dispose();
        _response.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A browser as far as a sign-in needs one: cookies, redirects and forms. It keeps Secure cookies on loopback, as Chromium does.</summary>
internal sealed partial class BrowserRobot : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false });
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

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]+)\"")]
    private static partial Regex Action();
}
