using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Api;

/// <summary>What came back: always one JSON object.</summary>
internal sealed record ApiAnswer(HttpStatusCode Status, JsonElement Body, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders)
{
    /// <summary>The error's code; null: there is none.</summary>
    public int? Code => Body.TryGetProperty("error", out var error) ? error.GetProperty("code").GetInt32() : null;

    public string Sentence => Body.GetProperty("error").GetProperty("sentence").GetString()!;

    public T Read<T>() => Body.Deserialize<T>(JsonSerializerOptions.Web)!;
}

/// <summary>The HTTP API as any program calls it.</summary>
internal sealed class ApiUnderTest(TestNode node)
{
    public Task<ApiAnswer> PostAsync(string path, string client, string body, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, node.Token(client), new StringContent(body, Encoding.UTF8, "application/json"), headers);

    public Task<ApiAnswer> GetAsync(string path, string client, params (string Name, object Value)[] claims) => SendAsync(HttpMethod.Get, path, node.Token(client, null, claims));

    public async Task<ApiAnswer> SendAsync(HttpMethod method, string path, string? token, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, $"api/{path}") { Content = content };
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await node.Http.SendAsync(request).Soon();
        var text = await response.Content.ReadAsStringAsync();
        return new(response.StatusCode, JsonDocument.Parse(text.Length == 0 ? "{}" : text).RootElement, response.Headers, response.Content.Headers);
    }
}
