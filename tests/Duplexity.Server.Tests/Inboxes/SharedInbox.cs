using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using InboxAck = Duplexity.Server.Inboxes.AckMode;
using ChannelSubscription = Duplexity.Server.Channels.Subscription;
using ServerInbox = Duplexity.Server.Inboxes.Inbox;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>One inbox and two nodes that have it, on records that both reach; no socket and no wire.</summary>
internal sealed class SharedInbox : IDisposable
{
    public static readonly Address Address = Address.Client("amy");

    private readonly EmbeddedEngine _store;
    private readonly ConcurrentDictionary<string, bool> _gone = new();

    private SharedInbox(DuplexityOptions options)
    {
        _store = new EmbeddedEngine(Time, Options.Create(options), NullLogger<EmbeddedEngine>.Instance);
        _store.Attach(new Nobody());
        Nodes = [new(this, "a", options), new(this, "b", options)];
    }

    public HandClock Time { get; } = new(DateTimeOffset.UnixEpoch.AddYears(50));

    public Node[] Nodes { get; }

    public List<LogEntry> Entries { get; } = [];

    /// <summary>How often an acknowledgement of each message was accepted.</summary>
    public ConcurrentDictionary<long, int> Accepted { get; } = new();

    /// <summary>Whom each attempt of each message was dealt to.</summary>
    public ConcurrentDictionary<(long Offset, int Attempt), string> Dealt { get; } = new();

    /// <summary>What must not have happened.</summary>
    public ConcurrentQueue<string> Wrong { get; } = new();

    public static async Task<SharedInbox> StartAsync(int messages, Action<DuplexityOptions>? configure = null)
    {
        var options = new DuplexityOptions();
        configure?.Invoke(options);
        var shared = new SharedInbox(options);
        for (var i = 0; i < messages; i++)
        {
            var message = new StoredMessage { Id = $"m{i}", FromClient = "ben", FromSocket = "s", SentAt = shared.Time.GetUtcNow(), Text = $"{i}", Destinations = [Address] };
            await shared._store.Log.AppendAsync(new AppendRequest(message));
        }

        shared.Entries.AddRange((await shared._store.Log.ReadAsync(Address, null, messages)).Entries);
        foreach (var node in shared.Nodes)
        {
            await node.Inbox.LoadedAsync();
        }

        return shared;
    }

    /// <summary>The place that is written; 0: none is.</summary>
    public async Task<long> WrittenAsync() =>
        ReaderRecord.Read(await _store.Records.ReadAsync(ReaderRecord.Kind, Address.Name)).GetValueOrDefault("") is { } reader ? Position.Parse(reader.Place).Offset : 0;

    /// <summary>A node will not act any more.</summary>
    public void Bury(Node node) => _gone.TryAdd(node.Name, true);

    public void Dispose()
    {
        foreach (var node in Nodes)
        {
            node.Inbox.Dispose();
        }

        _store.Dispose();
    }

    /// <summary>One of the nodes, with a socket at a time.</summary>
    internal sealed class Node : IEngine, IInboxes, ISubscriber
    {
        private readonly SharedInbox _shared;
        private InboxReading? _reading;
        private int _next;
        private int _sockets;

        public Node(SharedInbox shared, string name, DuplexityOptions options)
        {
            (_shared, Name) = (shared, name);
            Inbox = new ServerInbox(SharedInbox.Address, this, shared.Time, options, this);
        }

        public string Name { get; }

        public ServerInbox Inbox { get; }

        public InboxReader Reader => Inbox.Reader("")!;

        /// <summary>What was dealt to its sockets and not taken.</summary>
        public ConcurrentQueue<(LogEntry Entry, int Attempt, string Socket)> Hand { get; } = new();

        public string SocketId => $"{Name}{_sockets}";

        string IEngine.Node => Name;

        public ActingLease? Lease { get; } = new(TimeProvider.System, TimeSpan.FromDays(1));

        public IMessageLog Log => _shared._store.Log;

        public IPresence Presence => _shared._store.Presence;

        public IRegistry Registry => _shared._store.Registry;

        public IVault Vault => _shared._store.Vault;

        public IRecords Records => _shared._store.Records;

        public ILocks Locks => _shared._store.Locks;

        public ISystemLog SystemLog => _shared._store.SystemLog;

        public bool HasRoom => true;

        public void Attach(IEngineHandler handler)
        {
        }

        public ValueTask<bool> IsGoneAsync(string node, CancellationToken ct = default) => new(_shared._gone.ContainsKey(node));

        /// <summary>Its socket begins to read, or the one that does goes and another one comes.</summary>
        public async Task ComeAsync(InboxAck mode, int hands = 1)
        {
            Leave();
            _sockets++;
            var reading = Reading(Reader, mode, hands);
            _next = (int)Reader.Cursor.Offset;
            _reading = await Inbox.ArriveAsync(reading) ? reading : null;
        }

        /// <summary>A reading of a reader by its socket, which has not begun.</summary>
        public InboxReading Reading(InboxReader reader, InboxAck mode, int hands) =>
            new(Inbox, reader, new ChannelSubscription(new Channel(SharedInbox.Address, Log, new LostPlaces(Log), _shared.Time, NullLogger.Instance), this, ["amy"]), mode, hands);

        public void Leave()
        {
            _reading?.Subscription.Close();
            _reading?.End();
            _reading = null;
        }

        /// <summary>Offers its socket the next message of the log.</summary>
        public void Offer()
        {
            if (_reading is { } reading && _next < _shared.Entries.Count)
            {
                var entry = _shared.Entries[_next++];
                reading.Offer(entry, out _);
                reading.Written(entry.Position);
            }
        }

        /// <summary>Acknowledges a message; by hand without an attempt, what is claimed as it was dealt.</summary>
        public async Task AcknowledgeAsync(Position position, int? attempt = null, string? by = null)
        {
            if (await Inbox.AcknowledgeAsync(Reader, position, attempt, by) is null)
            {
                _shared.Accepted.AddOrUpdate(position.Offset, 1, (_, n) => n + 1);
                if (attempt is not null && _shared.Dealt.ContainsKey((position.Offset, attempt.Value + 1)))
                {
                    _shared.Wrong.Enqueue($"attempt {attempt} of {position} was accepted and there was a later one");
                }
            }
        }

        public void Again(ChannelSubscription subscription, Delivery delivery, int attempt)
        {
            var offset = delivery.Entry.Position.Offset;
            if (!_shared.Dealt.TryAdd((offset, attempt), SocketId))
            {
                _shared.Wrong.Enqueue($"attempt {attempt} of {offset} was dealt twice");
            }

            Hand.Enqueue((delivery.Entry, attempt, ((Node)subscription.Subscriber).SocketId));
        }

        public void Enqueue(ChannelSubscription subscription, Delivery delivery)
        {
        }

        public void Move(ChannelSubscription subscription, Position place)
        {
        }

        public void Tell(ChannelSubscription subscription, PresenceNews news)
        {
        }

        public void Tell(WithdrawnEvent withdrawn)
        {
        }

        public void Flush()
        {
        }

        public ValueTask<bool> WaitForRoomAsync(CancellationToken ct) => new(true);

        public void Changed(ServerInbox inbox)
        {
        }

        public void OnAcknowledged(ServerInbox inbox, Position place, bool isThrough)
        {
        }

        public Task BuryAsync(ServerInbox inbox, LogEntry entry, int attempts)
        {
            _shared.Wrong.Enqueue($"{entry.Position} was given up");
            return Task.CompletedTask;
        }

        public bool IsOut(string client) => false;

        public void Failed(ServerInbox inbox, Exception exception) => _shared.Wrong.Enqueue(exception.ToString());
    }

    private sealed class Nobody : IEngineHandler
    {
        public void OnAppended(LogEntry entry)
        {
        }
    }
}
