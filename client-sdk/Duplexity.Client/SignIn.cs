using System.Buffers.Text;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Duplexity;

/// <summary>What a server gives to whoever has signed in. To be kept as a password is.</summary>
/// <param name="Client">The CID.</param>
/// <param name="AccessToken">Opens the hubs, until <paramref name="ExpiresAt"/>.</param>
/// <param name="ExpiresAt">When the access token ends.</param>
/// <param name="RefreshToken">Good once, for the next tokens; null: there is none, as for API keys.</param>
public sealed record SignedIn(string Client, string AccessToken, DateTimeOffset ExpiresAt, string? RefreshToken)
{
    /// <summary>The provider's ID token, for information; it opens nothing.</summary>
    public string? IdToken { get; init; }

    /// <summary>The client, and none of the tokens.</summary>
    public override string ToString() => $"{nameof(SignedIn)} {Client}";
}

/// <summary>
/// One sign-in at a server, for a program with a person beside it: the person opens <see cref="Link"/> in any browser; tokens come to this program and to no other that somebody may have sent the
/// link from (G1). Use it from one thread; dispose it to give up.
/// </summary>
public sealed class SignIn : IAsyncDisposable
{
    private readonly Uri _server;
    private readonly HttpClient _http;
    private readonly HttpResponseMessage _answer;
    private readonly StreamReader _lines;
    private readonly TcpListener? _listener;
    private readonly string _verifier;
    private readonly TimeProvider _time;
    private string _id = "";

    private SignIn(Uri server, HttpClient http, HttpResponseMessage answer, StreamReader lines, TcpListener? listener, string verifier, TimeProvider time)
    {
        (_server, _http, _answer, _lines, _listener, _verifier, _time) = (server, http, answer, lines, listener, verifier, time);
    }

    /// <summary>What the person opens. Without the code it gives nothing away.</summary>
    public Uri Link { get; private set; } = null!;

    /// <summary>What the person types where the browser is on another machine, such as <c>BCDF-GHJK</c>.</summary>
    public string Code { get; private set; } = "";

    /// <summary>When the server stops waiting.</summary>
    public DateTimeOffset ExpiresAt { get; private set; }

    /// <summary>Begins a sign-in.</summary>
    /// <param name="server">The service's address, prefix included.</param>
    /// <param name="program">What the person is shown as asking.</param>
    /// <param name="isBrowserHere">Whether the browser may be on this machine: then it brings the grant to a loopback port, and no code is typed.</param>
    /// <param name="time">The clock; null: the system's.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">The server cannot be reached (4xx), has no sign-in (200), or has too many (300).</exception>
    public static async Task<SignIn> StartAsync(Uri server, string program, bool isBrowserHere = true, TimeProvider? time = null, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(server);
        var verifier = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var listener = isBrowserHere ? new TcpListener(IPAddress.Loopback, 0) : null;
        var http = AuthCalls.NewHttp(server, Timeout.InfiniteTimeSpan);
        try
        {
            listener?.Start(16);
            var port = (listener?.LocalEndpoint as IPEndPoint)?.Port;
            var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
            using var request = new HttpRequestMessage(HttpMethod.Post, AuthCalls.At(server, "auth")) { Content = JsonContent.Create(new { challenge, port, program }) };
            var answer = await AuthCalls.SendAsync(http, request, AuthCalls.AnswerTime, ct).ConfigureAwait(false);
            await AuthCalls.ThrowIfRefusedAsync(answer, ct).ConfigureAwait(false);
            var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(ct).ConfigureAwait(false));
            var signIn = new SignIn(server, http, answer, lines, listener, verifier, time ?? TimeProvider.System);
            await signIn.BeginAsync(ct).ConfigureAwait(false);
            return signIn;
        }
        catch
        {
            listener?.Dispose();
            http.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the person, and gives the tokens.</summary>
    /// <exception cref="DuplexityException">It was given up, or nobody came in time.</exception>
    public async Task<SignedIn> WaitAsync(CancellationToken ct = default)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var grants = _listener is null ? Task.CompletedTask : ListenAsync(_listener, done.Token, ct);
        try
        {
            while (true)
            {
                var told = await NextAsync(done.Token).ConfigureAwait(false);
                switch (told.GetProperty("event").GetString())
                {
                    case "approved":
                        await ProveAsync(null, done.Token).ConfigureAwait(false);
                        break;
                    case "tokens":
                        return AuthCalls.Read(told, _time);
                    case "failed":
                        throw new DuplexityException(AuthCalls.ErrorOf(told));
                }
            }
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await grants.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _listener?.Dispose();
        _lines.Dispose();
        _answer.Dispose();
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task BeginAsync(CancellationToken ct)
    {
        var started = await NextAsync(ct).ConfigureAwait(false);
        _id = started.GetProperty("id").GetString()!;
        Link = new Uri(started.GetProperty("link").GetString()!);
        if (Link.Scheme is not ("https" or "http"))
        {
            // Programs open it for the person: with another scheme the server would choose the file or the program that is opened.
            throw AuthCalls.Away($"{_server.GetLeftPart(UriPartial.Authority)} sends a link that is no web page's; it is not a server to sign in at.");
        }

        Code = started.GetProperty("code").GetString()!;
        ExpiresAt = DateTimeOffset.FromUnixTimeMilliseconds(started.GetProperty("expiresAt").GetInt64());
    }

    private async Task<JsonElement> NextAsync(CancellationToken ct)
    {
        try
        {
            return await _lines.ReadLineAsync(ct).ConfigureAwait(false) is { } line
                ? JsonSerializer.Deserialize<JsonElement>(line)
                : throw AuthCalls.Away("The server ended the sign-in; begin again.");
        }
        catch (Exception e) when (e is IOException or JsonException or HttpRequestException)
        {
            throw AuthCalls.Away("The connection to the server was lost while it waited for the sign-in; begin again.", e);
        }
    }

    private async Task<bool> ProveAsync(string? grant, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, AuthCalls.At(_server, "auth/proof")) { Content = JsonContent.Create(new { id = _id, verifier = _verifier, grant }) };
        using var answer = await AuthCalls.SendAsync(_http, request, AuthCalls.AnswerTime, ct).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.NoContent;
    }

    /// <summary>Takes the grant that the person's own browser brings. Whatever else comes to the port is answered and changes nothing.</summary>
    private async Task ListenAsync(TcpListener listener, CancellationToken done, CancellationToken ct)
    {
        while (!done.IsCancellationRequested)
        {
            using var visitor = await listener.AcceptTcpClientAsync(done).ConfigureAwait(false);
            using var asking = CancellationTokenSource.CreateLinkedTokenSource(done);
            asking.CancelAfter(AuthCalls.AnswerTime);
            try
            {
                var target = await TargetAsync(visitor.GetStream(), asking.Token).ConfigureAwait(false);

                // Its grant is what ends the sign-in, perhaps before it is answered: the person sees the page all the same.
                using var answering = CancellationTokenSource.CreateLinkedTokenSource(ct);
                answering.CancelAfter(AuthCalls.AnswerTime);
                await AnswerAsync(visitor.GetStream(), target, answering.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or DuplexityException || (e is OperationCanceledException && !done.IsCancellationRequested))
            {
                // Not the one who was waited for, or the server was away for a moment: the page has a code form to fall back on.
            }
        }
    }

    /// <summary>What a browser asks for; null: not what one would.</summary>
    private static async Task<Uri?> TargetAsync(NetworkStream stream, CancellationToken ct)
    {
        var buffer = new byte[4096];
        var count = 0;
        while (count < buffer.Length && !buffer.AsSpan(0, count).Contains((byte)'\n'))
        {
            var read = await stream.ReadAsync(buffer.AsMemory(count), ct).ConfigureAwait(false);
            if (read == 0)
            {
                throw new IOException("The connection ended before it asked for anything.");
            }

            count += read;
        }

        return Encoding.ASCII.GetString(buffer, 0, count).Split(' ') is ["GET", var asked, ..] && Uri.TryCreate($"http://localhost{asked}", UriKind.Absolute, out var uri) ? uri : null;
    }

    private async Task AnswerAsync(NetworkStream stream, Uri? target, CancellationToken ct)
    {
        var fields = target?.Query.TrimStart('?').Split('&').Select(f => f.Split('=', 2)).Where(f => f.Length == 2).DistinctBy(f => f[0]).ToDictionary(f => f[0], f => Uri.UnescapeDataString(f[1])) ?? [];
        var isRight = fields.GetValueOrDefault("id") == _id && fields.GetValueOrDefault("grant") is { Length: > 0 } grant && await ProveAsync(grant, ct).ConfigureAwait(false);
        var text = isRight ? "Connected. You can close this page." : "This is not the sign-in that is waited for here.";
        var page = $"<!doctype html><html lang=\"en\" style=\"color-scheme:light dark\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Duplexity</title>"
            + $"<p style=\"font:1.2rem/1.5 system-ui,sans-serif;margin:20vh auto;padding:0 1rem;max-width:30rem\">{text}</p></html>";
        await stream.WriteAsync(
            Encoding.UTF8.GetBytes($"HTTP/1.1 {(isRight ? "200 OK" : "404 Not Found")}\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: {page.Length}\r\nConnection: close\r\n\r\n{page}"), ct).ConfigureAwait(false);
    }
}
