using System.Collections.Concurrent;
using System.Security.Claims;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Hubs;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using ServerIdentity = Duplexity.Server.Sockets.Identity;
using ServerMessagePipes = Duplexity.Server.Pipes.Cooked.MessagePipes;

namespace Duplexity.Server.Tests.Graph;

/// <summary>
/// A whole node whose sockets end in memory, so that thousands of histories of its graph fit into seconds. Nothing is left out but the network: sockets come and go by the hub's own lifetime manager, and what
/// they call is what the hub calls.
/// </summary>
internal sealed class MemoryNode : IAsyncDisposable
{
    private static readonly Allowances Everything = new() { Send = ["*"], Receive = ["*"], Join = ["*"] };

    private readonly TestNode _node;
    private readonly ConcurrentDictionary<MemorySocket, byte> _open = new();
    private long _numbers;

    private MemoryNode(TestNode node)
    {
        _node = node;
        Lifetime = (DataHubLifetimeManager)Get<HubLifetimeManager<DataHub>>();
        (Sockets, Channels, Engine, Listening) = (Get<SocketIndex>(), Get<ChannelIndex>(), Get<IEngine>(), Get<Listening>());
        (Changes, Presence, Rooms, Machine, Pipes) = (Get<IdentityChanges>(), Get<RoomPresence>(), Get<RoomCalls>(), Get<PipeMachine>(), Get<ServerMessagePipes>());
        (Server, Holdings, Protocols) = (Get<IDuplexity>(), Get<Holdings>(), Get<HubProtocols>());
    }

    public DataHubLifetimeManager Lifetime { get; }

    public SocketIndex Sockets { get; }

    public ChannelIndex Channels { get; }

    public IEngine Engine { get; }

    public Listening Listening { get; }

    public IdentityChanges Changes { get; }

    public RoomPresence Presence { get; }

    public RoomCalls Rooms { get; }

    public PipeMachine Machine { get; }

    public ServerMessagePipes Pipes { get; }

    public IDuplexity Server { get; }

    public Holdings Holdings { get; }

    public HubProtocols Protocols { get; }

    public LogWatch Logs => _node.Logs;

    public IServiceProvider Services => _node.Services;

    public static async Task<MemoryNode> StartAsync(TimeProvider time, Action<DuplexityOptions>? options = null) => new(await TestNode.StartAsync(setup =>
    {
        setup.Time = time;
        setup.LogLevel = Microsoft.Extensions.Logging.LogLevel.Warning;
        setup.Options = o =>
        {
            o.Limits.NewChannelsPerHour = o.Limits.InboxMessages = int.MaxValue;
            o.Feeds.Followers = ["*"];

            // By the clock, in between: what histories compare is what they brought about.
            o.Times.Advance = TimeSpan.FromDays(1);

            // Histories open connections past the gate that would refuse whoever was forced out.
            o.Times.Block = TimeSpan.Zero;
            options?.Invoke(o);
        };
    }));

    /// <summary>A number that nothing else on this node has: what histories call their channels and clients by.</summary>
    public long NextNumber() => Interlocked.Increment(ref _numbers);

    /// <summary>A client with a fresh token that allows everything but administration.</summary>
    public ServerIdentity IdentityOf(string client, TimeSpan? lifetime = null)
    {
        var now = Get<Standing>().GivenNow(client);
        return new(client, lifetime is null ? null : now + lifetime, "tests", $"{NextNumber()}", new ClaimsPrincipal(new ClaimsIdentity([new Claim("sub", client)], "tests"))) { IssuedAt = now, Allowances = Everything };
    }

    /// <summary>A socket of a client.</summary>
    public async Task<MemorySocket> OpenAsync(ServerIdentity identity)
    {
        var socket = new MemorySocket(this, identity);
        _open[socket] = 0;
        await socket.OpenAsync();
        return socket;
    }

    /// <summary>A socket is gone from the node.</summary>
    public void Forget(MemorySocket socket) => _open.TryRemove(socket, out _);

    /// <summary>Waits until <paramref name="problem"/> is none any more; else fails with the last one.</summary>
    public static async Task AgreeAsync(Func<ValueTask<string?>> problem)
    {
        var until = DateTime.UtcNow + TestTimeout.Soon;
        while (await problem() is { } last)
        {
            if (DateTime.UtcNow > until)
            {
                throw new InvalidOperationException(last);
            }

            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var socket in _open.Keys)
        {
            await socket.CloseAsync(isLost: false);
        }

        await _node.DisposeAsync();
    }

    private T Get<T>()
        where T : notnull => _node.Services.GetRequiredService<T>();
}
