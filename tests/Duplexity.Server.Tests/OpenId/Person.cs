using System.Net;
using System.Text.RegularExpressions;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>A person at a browser without JavaScript: cookies, redirects, refreshes, and forms with several fields. Keeps Secure cookies on loopback, as Chromium does.</summary>
internal sealed partial class Person : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { Timeout = TestTimeout.Long };
    private readonly Dictionary<string, string> _cookies = [];

    public Uri At { get; private set; } = null!;

    public string Page { get; private set; } = "";

    public HttpStatusCode Status { get; private set; }

    public HttpResponseMessage Last { get; private set; } = null!;

    public IReadOnlyDictionary<string, string> Cookies => _cookies;

    /// <summary>Every Set-Cookie that was seen.</summary>
    public List<string> SetCookies { get; } = [];

    /// <summary>Where it was sent and did not go: where the last call was told to stop.</summary>
    public Uri? SentTo { get; private set; }

    /// <summary>Opens an address and follows where it leads.</summary>
    public Task<Person> OpenAsync(Uri address, Func<Uri, bool>? stop = null) => SendAsync(new HttpRequestMessage(HttpMethod.Get, address), stop);

    /// <summary>Fills the page's form and sends it.</summary>
    public Task<Person> SubmitAsync(IEnumerable<(string Name, string Value)> fields, string? origin = null, Func<Uri, bool>? stop = null, Action<Dictionary<string, string>>? change = null)
    {
        var form = Hidden().Matches(Page).ToDictionary(m => WebUtility.HtmlDecode(m.Groups[1].Value), m => WebUtility.HtmlDecode(m.Groups[2].Value));
        foreach (var (name, value) in fields)
        {
            form[name] = value;
        }

        change?.Invoke(form);
        var action = new Uri(At, WebUtility.HtmlDecode(Action().Match(Page).Groups[1].Value));
        var request = new HttpRequestMessage(HttpMethod.Post, action) { Content = new FormUrlEncodedContent(form) };
        if (origin != "")
        {
            request.Headers.Add("Origin", origin ?? action.GetLeftPart(UriPartial.Authority));
        }

        return SendAsync(request, stop);
    }

    public Task<Person> SignInAsync(string name, string password, Func<Uri, bool>? stop = null) => SubmitAsync([("name", name), ("password", password)], stop: stop);

    public Task<Person> ChooseAsync(string password, string? name = null) =>
        SubmitAsync([("password", password), ("again", password), .. name is null ? Array.Empty<(string, string)>() : [("name", name)]]);

    public void Dispose() => _http.Dispose();

    private async Task<Person> SendAsync(HttpRequestMessage request, Func<Uri, bool>? stop)
    {
        SentTo = null;
        while (true)
        {
            At = request.RequestUri!;
            if (_cookies.Count > 0)
            {
                request.Headers.Add("Cookie", string.Join("; ", _cookies.Select(c => $"{c.Key}={c.Value}")));
            }

            Last = await _http.SendAsync(request).Soon(TestTimeout.Long);
            foreach (var cookie in Last.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
            {
                SetCookies.Add(cookie);
                var parts = cookie.Split(';')[0].Split('=', 2);
                if (parts[1].Length == 0)
                {
                    _cookies.Remove(parts[0]);
                }
                else
                {
                    _cookies[parts[0]] = parts[1];
                }
            }

            (Status, Page) = (Last.StatusCode, await Last.Content.ReadAsStringAsync());
            var to = Last.Headers.Location ?? (Last.Headers.TryGetValues("Refresh", out var refresh) ? new Uri(refresh.Single().Split("url=")[1], UriKind.RelativeOrAbsolute) : null);
            if (to is null)
            {
                return this;
            }

            var next = new Uri(At, to);
            if (stop?.Invoke(next) == true)
            {
                SentTo = next;
                return this;
            }

            request = new HttpRequestMessage(HttpMethod.Get, next);
        }
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"")]
    private static partial Regex Hidden();

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]+)\"")]
    private static partial Regex Action();
}
