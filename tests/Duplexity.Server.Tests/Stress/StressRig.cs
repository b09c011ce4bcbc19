using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Client;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tests.Stress;

/// <summary>
/// A node under stress, by a seed: every choice of a scenario comes from <see cref="Random"/>, so that a seed that failed plays the same choices again. At the end everything that
/// was opened is closed, and nothing of it may be left in any index of the node.
/// </summary>
internal sealed class StressRig : IAsyncDisposable
{
    private readonly ConcurrentStack<IAsyncDisposable> _opened = new();
    private readonly ConcurrentDictionary<string, byte> _clients = new();

    private readonly TestIssuer _issuer = new();
    private readonly Action<DuplexityOptions>? _options;
    private readonly Action<IDuplexityBuilder>? _builder;
    private readonly DirectoryInfo? _data;

    private StressRig(int seed, Action<DuplexityOptions>? options, Action<IDuplexityBuilder>? builder, DirectoryInfo? data)
    {
        (_options, _builder, _data) = (options, builder, data);
        Random = new Random(seed);
    }

    public TestNode Node { get; private set; } = null!;

    /// <summary>For one thread: a scenario that races draws before it does.</summary>
    public Random Random { get; }

    public static async Task<StressRig> StartAsync(int seed, Action<DuplexityOptions>? options = null, bool isKept = false, Action<IDuplexityBuilder>? builder = null)
    {
        var rig = new StressRig(seed, options, builder, isKept ? Directory.CreateTempSubdirectory("duplexity-stress-") : null);
        rig.Node = await rig.StartNodeAsync($"http://127.0.0.1:{FreePorts.One()}");
        return rig;
    }

    /// <summary>Stops the node, and starts another one at the same address with the same data.</summary>
    public async Task RestartAsync()
    {
        var place = $"http://127.0.0.1:{Node.Port}";
        await Node.DisposeAsync();
        Node = await StartNodeAsync(place);
    }

    /// <summary>A connection of the SDK that is ready; through a line of its own where the scenario breaks it.</summary>
    public async Task<DuplexityConnection> ConnectAsync(string client, FaultyLine? line = null, Func<DuplexityConnectionOptions, DuplexityConnectionOptions>? options = null)
    {
        // A storm outlasts the time that a send is patient for by default.
        var plain = new DuplexityConnectionOptions
        {
            Token = _ => ValueTask.FromResult<string?>(Node.Token(client)),
            SendTimeout = TestTimeout.Long,
            MaxReconnectDelay = TimeSpan.FromMilliseconds(200),
        };
        var connection = new DuplexityConnection(line?.Address ?? Node.Address, options?.Invoke(plain) ?? plain);
        _opened.Push(connection);
        _clients[client] = 0;
        await connection.ConnectAsync().Soon();
        return connection;
    }

    public FaultyLine Line()
    {
        var line = new FaultyLine(Node.Port);
        _opened.Push(line);
        return line;
    }

    /// <summary>Listens to a room and keeps what it hears.</summary>
    public async Task<Ear> ListenAsync(DuplexityConnection connection, string room, JoinOptions? options = null) => new(await connection.JoinAsync(room, options).Soon());

    /// <summary>Whatever is disposed with the rig, in reverse order.</summary>
    public T Keep<T>(T opened)
        where T : IAsyncDisposable
    {
        _opened.Push(opened);
        return opened;
    }

    /// <summary>The texts of a channel's log, in its one order.</summary>
    public async Task<IReadOnlyList<string?>> LogAsync(Address channel)
    {
        var texts = new List<string?>();
        await foreach (var message in Node.Services.GetRequiredService<IDuplexity>().ReadAsync(channel))
        {
            texts.Add(message.Text);
        }

        return texts;
    }

    /// <summary>Closes sockets from the node's side, with a code that says "come back".</summary>
    public void Kick(int share)
    {
        foreach (var socket in Node.Services.GetRequiredService<SocketIndex>().All)
        {
            if (Random.Next(100) < share)
            {
                socket.Close(Errors.ShuttingDown, "The scenario kicks it.");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (_opened.TryPop(out var opened))
        {
            await opened.DisposeAsync().AsTask().Soon();
        }

        await AllHaveLeftAsync();
        await NothingIsLeftAsync();
        await Node.DisposeAsync();
        _data?.Delete(recursive: true);
    }

    private Task<TestNode> StartNodeAsync(string url) => TestNode.StartAsync(s =>
    {
        (s.Url, s.Issuer, s.Builder) = (url, _issuer, _builder);
        s.Settings["Duplexity:Data"] = _data?.FullName ?? "";
        s.Options = o =>
        {
            // Whoever is lost is waited for, for a moment that a scenario outlasts.
            (o.Times.Vacated, o.Times.Presence) = (TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(20));
            _options?.Invoke(o);
        };
    });

    /// <summary>Somebody looks into every room until nobody else is there: also those who were lost are, when the time for which they are waited for is over.</summary>
    private async Task AllHaveLeftAsync()
    {
        await using var witness = await StockSocket.DataAsync(Node, "who-looks-last");
        var changes = witness.Hear<PresenceChangedEvent>(nameof(IDataClient.PresenceChanged));
        foreach (var room in (await Node.Services.GetRequiredService<IEngine>().Presence.ListOwnAsync()).Select(m => m.Channel).Distinct())
        {
            (await witness.InvokeAsync<JoinResponse>(nameof(IDataHub.Join), new JoinRequest { Channel = room.ToString(), Presence = true })).Error.Should().BeNull();
            while ((await witness.InvokeAsync<PresenceResponse>(nameof(IDataHub.Presence), new PresenceRequest { Channel = room.ToString(), CountOnly = true })).Count > 1)
            {
                await changes.ReadAsync().Soon(what: $"everybody leaves {room}");
            }

            (await witness.InvokeAsync<Done>(nameof(IDataHub.Leave), new LeaveRequest { Channel = room.ToString() })).Error.Should().BeNull();
        }
    }

    private async Task NothingIsLeftAsync()
    {
        var (sockets, channels) = (Node.Services.GetRequiredService<SocketIndex>(), Node.Services.GetRequiredService<ChannelIndex>());
        var (holders, sessions) = (Node.Services.GetRequiredService<IdentityHolders>(), Node.Services.GetRequiredService<Sessions>());
        var presence = Node.Services.GetRequiredService<IEngine>().Presence;

        // Each of these empties before the line about the last socket is logged.
        await Node.Logs.WaitForAsync("every index of the node is empty", _ => sockets.All.Count == 0 && channels.Count == 0 && holders.All.Count == 0);
        await Wait.UntilAsync(() => Task.FromResult(sessions.All), all => all.Count == 0);
        var services = Node.Services;
        services.GetRequiredService<RoomPresence>().Lingering.Should().Be(0, "nobody is waited for");
        services.GetRequiredService<SocketWatches>().IsEmpty.Should().BeTrue("nobody watches sockets");
        services.GetRequiredService<PipeWatches>().IsEmpty.Should().BeTrue("nobody watches pipes");
        services.GetRequiredService<Holdings>().IsEmpty.Should().BeTrue("no lockspace holds anybody");
        ((MemoryLocks)services.GetRequiredService<IEngine>().Locks).Count.Should().Be(0, "no lock is held or waited for");
        (await presence.ListOwnAsync()).Should().BeEmpty("everybody has left every room");
        services.GetRequiredService<AwaitedReceipts>().Count.Should().Be(0, "nobody waits for a receipt");
        var pipes = services.GetRequiredService<Duplexity.Server.Pipes.Cooked.MessagePipes>();
        pipes.Runners.Turns.Free.Should().Be(services.GetRequiredService<DuplexityOptions>().MessagePipes.AtOnce, "no pipe runs");
        foreach (var client in _clients.Keys)
        {
            (await pipes.ListAsync(client, default)).Should().BeEmpty("the scenario has removed its pipes");
            if (services.GetRequiredService<InboxIndex>().Find(Address.Client(client)) is { } inbox)
            {
                inbox.IsIdle(TimeSpan.FromTicks(-1)).Should().BeTrue($"nobody reads the inbox of {client}, and nothing is on its way into it");
                inbox.HasClaims(inbox.Reader("")!).Should().BeFalse($"nothing of {client} is claimed");
            }
        }
    }
}
