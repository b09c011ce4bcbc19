using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Api;

/// <summary>A request whose body stands still in the middle until the test lets it go on.</summary>
internal sealed class HeldBody : HttpContent
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _bytes;

    private HeldBody(string body)
    {
        _bytes = Encoding.UTF8.GetBytes(body);
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    /// <summary>Posts; returns when the operation itself has begun to read the body, so that the gate is behind it.</summary>
    public static async Task<(HeldBody Body, Task<HttpResponseMessage> Answer)> PostAsync(TestNode node, string path, string token, string body)
    {
        var held = new HeldBody(body);
        var http = new HttpClient(new SocketsHttpHandler { Expect100ContinueTimeout = TestTimeout.Soon, UseProxy = false });
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(node.Address, path)) { Content = held };
        request.Headers.ExpectContinue = true;
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var answer = http.SendAsync(request);
        await held._begun.Task.Soon();
        return (held, answer);
    }

    /// <summary>Sends the rest.</summary>
    public void Release() => _released.TrySetResult();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        // The server asks for it (100 Continue) when somebody behind the gate reads.
        await stream.WriteAsync(_bytes.AsMemory(0, _bytes.Length / 2));
        await stream.FlushAsync();
        _begun.TrySetResult();
        await _released.Task;
        await stream.WriteAsync(_bytes.AsMemory(_bytes.Length / 2));
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _bytes.Length;
        return true;
    }
}
