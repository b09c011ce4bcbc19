using System.Net.Http.Json;
using System.Text.Json;

namespace Duplexity;

/// <summary>Calls below a server's <c>/auth</c>. A token goes to the server that it is from: no redirect is followed, and no cookie is kept (G25).</summary>
internal static class AuthCalls
{
    /// <summary>How long a server has for its answer; it may have to ask its provider first.</summary>
    public static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(15);

    public static HttpClient NewHttp(Uri server, TimeSpan timeout) =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = !DevelopmentToken.IsLoopback(server) }) { Timeout = timeout };

    public static Uri At(Uri server, string path) => new(server.AbsoluteUri.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/"), path);

    /// <summary>Posts JSON and reads the tokens that come back.</summary>
    public static Task<SignedIn> AskAsync(Uri server, string path, object body, TimeProvider time, CancellationToken ct) =>
        PostAsync(server, path, body, async answer => Read(await answer.Content.ReadFromJsonAsync<JsonElement>(ct).ConfigureAwait(false), time), ct);

    /// <summary>Posts JSON; a refusal is thrown, another answer is read by <paramref name="read"/>.</summary>
    public static async Task<T> PostAsync<T>(Uri server, string path, object body, Func<HttpResponseMessage, Task<T>> read, CancellationToken ct)
    {
        using var http = NewHttp(server, AnswerTime);
        using var request = new HttpRequestMessage(HttpMethod.Post, At(server, path)) { Content = JsonContent.Create(body) };
        using var answer = await SendAsync(http, request, AnswerTime, ct).ConfigureAwait(false);
        await ThrowIfRefusedAsync(answer, ct).ConfigureAwait(false);
        return await read(answer).ConfigureAwait(false);
    }

    public static async Task<HttpResponseMessage> SendAsync(HttpClient http, HttpRequestMessage request, TimeSpan patience, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(patience);
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw Away($"No server answers at {request.RequestUri!.GetLeftPart(UriPartial.Authority)}.", e);
        }
    }

    public static async Task ThrowIfRefusedAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.IsSuccessStatusCode)
        {
            return;
        }

        using (answer)
        {
            try
            {
                throw new DuplexityException(ErrorOf(await answer.Content.ReadFromJsonAsync<JsonElement>(ct).ConfigureAwait(false)));
            }
            catch (Exception e) when (e is JsonException or NotSupportedException)
            {
                throw Away($"{answer.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} does not answer as a Duplexity server does (status {(int)answer.StatusCode}).", e);
            }
        }
    }

    public static SignedIn Read(JsonElement tokens, TimeProvider time) => new(
        tokens.GetProperty("client").GetString()!,
        tokens.GetProperty("access_token").GetString()!,
        time.GetUtcNow().AddSeconds(tokens.GetProperty("expires_in").GetInt64()),
        Text(tokens, "refresh_token"))
    {
        IdToken = Text(tokens, "id_token"),
    };

    public static DuplexityError ErrorOf(JsonElement answer) =>
        answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("error", out var error) && error.Deserialize<DuplexityError>(JsonSerializerOptions.Web) is { Code: > 0 } read
            ? read
            : DuplexityError.Of(Errors.Unavailable, "The server refused without a reason.");

    public static DuplexityException Away(string sentence, Exception? inner = null) => inner is null
        ? new(DuplexityError.Of(Errors.Unavailable, sentence))
        : new(DuplexityError.Of(Errors.Unavailable, sentence), inner);

    private static string? Text(JsonElement answer, string name) => answer.TryGetProperty(name, out var value) ? value.GetString() : null;
}
