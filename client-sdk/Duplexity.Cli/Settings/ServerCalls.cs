using System.Net.Http.Headers;
using System.Net.Http.Json;

namespace Duplexity.Cli.Settings;

/// <summary>Plain requests to a server, beside the hubs.</summary>
internal static class ServerCalls
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>One request to the server's own HTTP, with a token or without.</summary>
    /// <exception cref="DuplexityException">The server cannot be reached.</exception>
    public static async Task<HttpResponseMessage> SendAsync(Uri server, HttpMethod method, string path, string? token, object? body, CancellationToken cancel)
    {
        // No redirects: a token is shown to the server that was named and to no other (G25).
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = !DevelopmentToken.IsLoopback(server) };
        using var http = new HttpClient(handler) { Timeout = Timeout };
        using var request = new HttpRequestMessage(method, new Uri(server, path)) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        try
        {
            return await http.SendAsync(request, cancel);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw Away($"No server answers at {ServerChoice.Origin(server)}.", e);
        }
    }

    /// <summary>The error for a server that does not answer, or not as one of ours.</summary>
    public static DuplexityException Away(string sentence, Exception inner) => new(DuplexityError.Of(Errors.Unavailable, sentence), inner);
}
