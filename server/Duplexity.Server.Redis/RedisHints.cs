using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using MessagePack;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// What the store tells this node over pub/sub: on one channel of its own, so that subscriptions do not grow with sockets. Hints only: what is lost on the way is found by comparing places. Thread-safe.
/// </summary>
internal sealed class RedisHints(RedisLink link, ILogger logger) : IAsyncDisposable
{
    /// <summary>What a node tells itself, to see whether it hears.</summary>
    public static readonly byte[] Probe = MessagePackSerializer.Serialize((string[])["probe"]);

    private TaskCompletionSource _probed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IEngineHandler? _handler;
    private ChannelMessageQueue? _queue;

    /// <summary>Whether the handler is to hear of every channel.</summary>
    public bool HearsAll => _handler?.HearsAll == true;

    /// <summary>Asked whether an entry is news; null where everything is.</summary>
    public Func<Address, Position, bool>? IsNews { get; set; }

    /// <summary>A change of presence is told.</summary>
    public Action<Address, long>? PresenceHeard { get; set; }

    /// <summary>Something happened to locks.</summary>
    public Action? LocksChanged { get; set; }

    /// <summary>Something was told to all nodes.</summary>
    public Action? SystemTold { get; set; }

    /// <summary>A node has done what this one told under a number.</summary>
    public Action<long>? SystemDone { get; set; }

    public void Attach(IEngineHandler handler)
    {
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
        {
            throw new InvalidOperationException("The engine has its handler already; one engine serves one node.");
        }
    }

    /// <summary>Completes when a probe is heard from now on.</summary>
    public Task ExpectProbe() => Volatile.Read(ref _probed).Task;

    public void EnsureAttached()
    {
        if (_handler is null)
        {
            throw new InvalidOperationException("Nothing can be appended before a handler is attached: its deliveries would be lost.");
        }
    }

    /// <summary>Listens to what a node of this id is told from now on, and to nothing else.</summary>
    public async Task ListenAsync(string node)
    {
        var queue = await link.AskAsync(_ => link.Connection.GetSubscriber().SubscribeAsync(RedisChannel.Literal(link.Keys.Topic + node)));
        queue.OnMessage(message => Receive(message.Message));
        if (Interlocked.Exchange(ref _queue, queue) is { } before)
        {
            await before.UnsubscribeAsync(CommandFlags.FireAndForget);
        }
    }

    /// <summary>Hands an entry to the node, if it is news.</summary>
    public void Deliver(LogEntry entry)
    {
        if (IsNews?.Invoke(entry.Channel, entry.Position) == false)
        {
            return;
        }

        try
        {
            _handler?.OnAppended(entry);
        }
        catch (Exception exception)
        {
            // The entry is in the log, whatever a receiver makes of it.
            Log.HandlerFailed(logger, exception, entry.Channel.Kind, entry.Position);
        }
    }

    /// <summary>Changes of a channel's presence were not heard.</summary>
    public void MissPresence(Address channel) => Tell(handler => handler.OnPresenceMissed(channel));

    public async ValueTask DisposeAsync()
    {
        if (_queue is { } queue)
        {
            await queue.UnsubscribeAsync(CommandFlags.FireAndForget);
        }
    }

    private void Receive(RedisValue hint)
    {
        try
        {
            Read((byte[])hint!);
        }
        catch (Exception e) when (e is MessagePackSerializationException or FormatException or EndOfStreamException or ArgumentException)
        {
            // Not of this version, or not of ours: what it hints at is found by comparing places.
            Log.HintUnreadable(logger, e);
        }
    }

    private void Read(byte[] bytes)
    {
        var reader = new MessagePackReader(bytes);
        var count = reader.ReadArrayHeader();
        switch (reader.ReadString())
        {
            case "entries":
                ReadEntries(ref reader);
                break;
            case "presence":
                var change = new PresenceChange(Address.Parse(reader.ReadString()!), reader.ReadInt64(), reader.ReadString()!, reader.ReadString()!, count > 5 ? reader.ReadString() : null);
                PresenceHeard?.Invoke(change.Channel, change.Version);
                Tell(handler => handler.OnPresenceChanged(change));
                break;
            case "hinted":
                var hinted = Address.Parse(reader.ReadString()!);
                Tell(handler => handler.OnHinted(hinted));
                break;
            case "probe":
                Interlocked.Exchange(ref _probed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                break;
            case "told":
                SystemTold?.Invoke();
                break;
            case "done":
                SystemDone?.Invoke(reader.ReadInt64());
                break;
            case "locks":
                LocksChanged?.Invoke();
                break;
        }
    }

    private void ReadEntries(ref MessagePackReader reader)
    {
        var message = StoredBytes.Read<StoredMessage>(RedisEntries.Bytes(ref reader));
        var places = new Position[reader.ReadArrayHeader()];
        for (var i = 0; i < places.Length; i++)
        {
            places[i] = Position.Parse(reader.ReadString()!);
        }

        for (var copies = reader.ReadArrayHeader(); copies > 0; copies--)
        {
            reader.ReadArrayHeader();
            var nth = reader.ReadInt32();
            Deliver(RedisEntries.Entry(message.Destinations[nth], places[nth], reader.ReadString()!, message, new ArraySegment<Position>(places, 0, nth)));
        }
    }

    private void Tell(Action<IEngineHandler> tell)
    {
        try
        {
            if (_handler is { } handler)
            {
                tell(handler);
            }
        }
        catch (Exception exception)
        {
            Log.PresenceHandlerFailed(logger, exception);
        }
    }
}
