using Duplexity.Server.Cluster;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tests.Redis;

/// <summary>A front beside two nodes that share a Redis, of which it knows nothing.</summary>
internal sealed class RedisFront : IAsyncDisposable
{
    /// <summary>What fronts have.</summary>
    public const string Key = "a key of fronts, long enough, of the tests";

    private RedisFront(RedisPair pair) => Pair = pair;

    public RedisPair Pair { get; }

    /// <summary>The front.</summary>
    public TestNode Front { get; private set; } = null!;

    public TestNode A => Pair.A;

    public TestNode B => Pair.B;

    public static async Task<RedisFront> StartAsync(RedisFixture redis, Action<TestNodeSetup>? configure = null, Action<TestNodeSetup, string>? nodes = null)
    {
        var all = new RedisFront(await RedisPair.StartAsync(redis, configure: (s, name) =>
        {
            s.Settings["Duplexity:Cluster:FrontKey"] = Key;
            nodes?.Invoke(s, name);
        }));
        all.Front = await StartAsync([all.A, all.B], configure);
        return all;
    }

    /// <summary>Starts a front before nodes, which know it when this returns.</summary>
    public static async Task<TestNode> StartAsync(TestNode[] before, Action<TestNodeSetup>? configure = null)
    {
        var front = await TestNode.StartAsync(s =>
        {
            (s.IsFront, s.TrustTestIssuer) = (true, false);
            s.Settings["Duplexity:Node:Name"] = "front1";
            s.Settings["Duplexity:Front:Key"] = Key;
            for (var i = 0; i < before.Length; i++)
            {
                s.Settings[$"Duplexity:Front:Backends:{i}"] = Book(before[i]).Self.InternalUrl!.AbsoluteUri;
            }

            configure?.Invoke(s);
        });
        foreach (var node in (TestNode[])[front, .. before])
        {
            await Book(node).RoundAsync(CancellationToken.None);
        }

        return front;
    }

    public static NodeBook Book(TestNode node) => node.Services.GetRequiredService<NodeBook>();

    /// <summary>A server that says its name and the path.</summary>
    public static RawServer Resource(string name) => new(async (connection, _) =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 } head)
        {
            var text = $"{name} {head.Split(' ')[1]}";
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });

    /// <summary>A server whose answers begin and never end.</summary>
    public static RawServer Endless() => new(async (connection, _) =>
    {
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun");
        await connection.ReadHeadAsync();
    });

    public async ValueTask DisposeAsync()
    {
        await Front.DisposeAsync();
        await Pair.DisposeAsync();
    }
}
