using System.Collections.Concurrent;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tests.Client;
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
    private readonly ConcurrentDictionary<Address, byte> _rooms = new();

    private StressRig(TestNode node, int seed)
    {
        Node = node;
        Random = new Random(seed);
    }

    public TestNode Node { get; }

    /// <summary>For one thread: a scenario that races draws before it does.</summary>
    public Random Random { get; }

    public static async Task<StressRig> StartAsync(int seed, Action<DuplexityOptions>? options = null) => new(
        await TestNode.StartAsync(s => s.Options = o =>
        {
            // Whoever is lost is gone with its socket: what is left at the end is a fault, and not somebody who is waited for.
            o.Times.Vacated = TimeSpan.Zero;
            options?.Invoke(o);
        }),
        seed);

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
    public async Task<Ear> ListenAsync(DuplexityConnection connection, string room, JoinOptions? options = null)
    {
        _rooms.TryAdd(Address.Room(room), 0);
        return new Ear(await connection.JoinAsync(room, options).Soon());
    }

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

        await NothingIsLeftAsync();
        await Node.DisposeAsync();
    }

    private async Task NothingIsLeftAsync()
    {
        var (sockets, channels) = (Node.Services.GetRequiredService<SocketIndex>(), Node.Services.GetRequiredService<ChannelIndex>());
        var (holders, sessions) = (Node.Services.GetRequiredService<IdentityHolders>(), Node.Services.GetRequiredService<Sessions>());
        var presence = Node.Services.GetRequiredService<IEngine>().Presence;

        // Each of these empties before the line about the last socket is logged.
        await Node.Logs.WaitForAsync("every index of the node is empty", _ => sockets.All.Count == 0 && channels.Count == 0 && holders.All.Count == 0);
        sessions.All.Should().BeEmpty();
        foreach (var room in _rooms.Keys)
        {
            (await presence.ReadAsync(room)).Members.Should().BeEmpty($"everybody has left {room}");
        }
    }
}
