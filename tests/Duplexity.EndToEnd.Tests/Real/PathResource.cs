using System.Text;
using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>A web server that answers with the path; <paramref name="before"/> may make a request wait.</summary>
internal sealed class PathResource(Func<string, Task>? before = null) : IAsyncDisposable
{
    private readonly RawResource _resource = new(async connection =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 } head)
        {
            var path = head.Split(' ')[1];
            await (before?.Invoke(path) ?? Task.CompletedTask);
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(path)}\r\n\r\n{path}");
        }
    });

    public int Port => _resource.Port;

    public ValueTask DisposeAsync() => _resource.DisposeAsync();
}
