using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Duplexity.Server.Pipes;

/// <summary>The client by which gates over HTTP are asked: no redirects, cookies or proxies, answers bounded, requests signed as Standard Webhooks say. Thread-safe.</summary>
internal sealed class GateHttp : IDisposable
{
    /// <summary>An answer is a decision, with a message of 64 KB in JSON at most.</summary>
    private const int MaxAnswerBytes = 256 * 1024;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        MaxConnectionsPerServer = 64,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2), // so that a changed DNS entry is seen
    });

    /// <summary>The answer's body.</summary>
    /// <exception cref="HttpRequestException">It could not be asked, did not answer 2xx, or answered too much.</exception>
    public async Task<byte[]> PostAsync(Uri address, byte[] secret, byte[] body, DateTimeOffset now, CancellationToken ct)
    {
        var (id, timestamp) = ($"msg_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}", now.ToUnixTimeSeconds());
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", $"{timestamp}");
        byte[] signed = [.. Encoding.ASCII.GetBytes($"{id}.{timestamp}."), .. body];
        request.Headers.Add("webhook-signature", $"v1,{Convert.ToBase64String(HMACSHA256.HashData(secret, signed))}");
        using var response = await _http.SendAsync(request, ct);
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"It answered {(int)response.StatusCode}.");
        }

        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        using var answer = new MemoryStream();
        var buffer = new byte[8 * 1024];
        for (var read = await stream.ReadAsync(buffer, ct); read > 0; read = await stream.ReadAsync(buffer, ct))
        {
            answer.Write(buffer, 0, read);
            if (answer.Length > MaxAnswerBytes)
            {
                throw new HttpRequestException($"It answered more than {MaxAnswerBytes} bytes.");
            }
        }

        return answer.ToArray();
    }

    /// <summary>The key in a secret: base64 behind <c>whsec_</c>, else the text's own bytes. Null: it is shorter than 16 bytes, or no base64.</summary>
    public static byte[]? KeyOf(string? secret)
    {
        const string Prefix = "whsec_";
        if (secret is null)
        {
            return null;
        }

        byte[] key;
        try
        {
            key = secret.StartsWith(Prefix, StringComparison.Ordinal) ? Convert.FromBase64String(secret[Prefix.Length..]) : Encoding.UTF8.GetBytes(secret);
        }
        catch (FormatException)
        {
            return null;
        }

        return key.Length >= 16 ? key : null;
    }

    public void Dispose() => _http.Dispose();
}
