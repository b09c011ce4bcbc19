using System.Buffers.Text;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Duplexity.Testing;

/// <summary>A program that waits on <c>POST /auth</c>, without the SDK.</summary>
public sealed class WaitingProgram : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private WaitingProgram(HttpClient http, HttpResponseMessage response, StreamReader lines, string verifier)
    {
        (_http, _response, _lines, Verifier) = (http, response, lines, verifier);
    }

    /// <summary>Raised when it is told that it is still waited for a person.</summary>
    public event Action? Waiting;

    /// <summary>What proves that it is the one who asked.</summary>
    public string Verifier { get; }

    /// <summary>The sign-in.</summary>
    public string Id { get; private set; } = "";

    /// <summary>What its terminal shows.</summary>
    public string Code { get; private set; } = "";

    /// <summary>What the person opens.</summary>
    public Uri Link { get; private set; } = null!;

    /// <summary>Asks, and waits for the link and the code. A refusal is thrown with its status and its text.</summary>
    public static async Task<WaitingProgram> StartAsync(HttpClient http, int? port = null, string program = "test on laptop")
    {
        var verifier = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        var request = new HttpRequestMessage(HttpMethod.Post, "auth") { Content = JsonContent.Create(new { challenge, port, program }) };
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Soon();
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(await response.Content.ReadAsStringAsync(), null, response.StatusCode);
        }

        var waiting = new WaitingProgram(http, response, new StreamReader(await response.Content.ReadAsStreamAsync()), verifier);
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

            Waiting?.Invoke();
        }

        throw new IOException("The answer ended.");
    }

    /// <summary>Proves, by the verifier and the grant if there is one.</summary>
    public async Task<HttpStatusCode> ProveAsync(string? grant = null, string? verifier = null) =>
        (await _http.PostAsJsonAsync("auth/proof", new { id = Id, verifier = verifier ?? Verifier, grant })).StatusCode;

    /// <summary>Gives up.</summary>
    public ValueTask DisposeAsync()
    {
        _lines.Dispose();
        _response.Dispose();
        return ValueTask.CompletedTask;
    }
}
