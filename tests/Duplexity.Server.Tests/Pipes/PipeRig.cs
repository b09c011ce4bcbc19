using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ChannelSubscription = Duplexity.Server.Channels.Subscription;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>The pipes without any socket: the memory engine, channels, the machine, and listeners that note what reaches them.</summary>
internal sealed class PipeRig
{
    public PipeRig(params IBuiltInGate[] own)
        : this([], own)
    {
    }

    public PipeRig(GateRegistration[] gates, params IBuiltInGate[] own)
        : this(gates, [], _ => { }, own)
    {
    }

    public PipeRig(GateRegistration[] gates, IMessageService[] services, Action<DuplexityOptions> configure, params IBuiltInGate[] own)
        : this(gates, services, configure, null, own)
    {
    }

    /// <summary>Around an engine that was there before; null: one in memory.</summary>
    public PipeRig(GateRegistration[] gates, IMessageService[] services, Action<DuplexityOptions> configure, IEngine? engine, IBuiltInGate[] own)
    {
        configure(Settings);
        var logs = new LoggerFactory([Logs]);
        var added = new ServiceCollection();
        foreach (var service in services)
        {
            added.AddSingleton(service);
        }

        var provider = added.BuildServiceProvider();
        var application = new ApplicationGates(gates, new GateSettings(Settings, Http, Time), provider, Time, logs.CreateLogger<ApplicationGates>());
        Announcer = new Announcer(provider, Time, Settings, Metrics, logs.CreateLogger<Announcer>());
        Traces = new MessageTraces(Time, Settings);
        Engine = engine ?? new EmbeddedEngine(Time, Options.Create(Settings), NullLogger<EmbeddedEngine>.Instance);
        Channels = new ChannelIndex(Engine, Settings, Time, NullLogger<ChannelIndex>.Instance);
        Engine.Attach(Channels);
        Inboxes = new InboxIndex(Engine, Channels, new Standing(Engine, new Blocks(Engine, Time), Time), Time, Settings, NullLogger<InboxIndex>.Instance);
        Receipts = new AwaitedReceipts(Inboxes, Time, Settings);
        ListenerCounts = new ListenerCounts(Channels, new RoomRules(new RoomPatterns(Settings), new RoomBook(Engine.Records), Settings));
        Machine = new PipeMachine(Engine, ListenerCounts, Inboxes, Replies, Receipts, [new IdentityGate(Time), new SizeGate(), new AllowanceGate(Reach, Replies), .. own], application, Announcer, Traces, Metrics, Time, Settings);
        Listeners = new ListenerGates(application, Time, Settings);
        Answers = new Answers(Machine, Listeners, Settings);
        Egress = new Egress(own, application);
    }

    public DuplexityOptions Settings { get; } = new();

    public Metrics Metrics { get; } = new(new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>());

    public LogWatch Logs { get; } = new();

    public GateHttp Http { get; } = new();

    public Announcer Announcer { get; }

    public MessageTraces Traces { get; }

    public ListenerCounts ListenerCounts { get; }

    public ListenerGates Listeners { get; }

    public Answers Answers { get; }

    public Egress Egress { get; }

    /// <summary>A gate of an application.</summary>
    public static GateRegistration Gate(Step step, string pattern, Func<GateContext, ValueTask<GateResult>> gate, string name = "application") =>
        GateRegistration.Of(name, step, pattern, _ => new FunctionGate(gate));

    public FakeTimeProvider Time { get; } = new();

    public IEngine Engine { get; }

    public ChannelIndex Channels { get; }

    public InboxIndex Inboxes { get; }

    public AwaitedReplies Replies { get; } = new();

    public AwaitedReceipts Receipts { get; }

    public PipeMachine Machine { get; }

    public FakeReach Reach { get; } = new();

    public static Sender As(string client, string? socket = null) => new() { Client = client, SocketId = socket };

    public static SendRequest Text(string text, params string[] to) => new() { To = to, Text = text };

    public async Task<Listener> ListenAsync(string channel, string client, string? socket = null, Position? since = null)
    {
        var listener = new Listener(socket ?? Guid.NewGuid().ToString("n"));
        var address = Address.Parse(channel);
        var subscription = Channels.Add(address, listener, [client], since ?? await Engine.Log.TopAsync(address));
        listener.Subscription = subscription;
        await subscription.Channel.CatchUpAsync(subscription);
        return listener;
    }

    internal sealed class FakeReach : IDirectReach
    {
        public HashSet<string> Sockets { get; } = [];

        public bool IsThere(string socketId) => Sockets.Contains(socketId);

        public bool Reaches(string socketId, string client, bool isServer) => Sockets.Contains(socketId);
    }

    internal sealed class Listener(string socketId) : ISubscriber
    {
        private readonly System.Threading.Channels.Channel<LogEntry> _entries = System.Threading.Channels.Channel.CreateUnbounded<LogEntry>();

        public string SocketId { get; } = socketId;

        public ChannelSubscription Subscription { get; set; } = null!;

        public ConcurrentQueue<Position> Moves { get; } = new();

        public void Enqueue(ChannelSubscription subscription, Delivery delivery) => _entries.Writer.TryWrite(delivery.Entry);

        public void Again(ChannelSubscription subscription, Delivery delivery, int attempt) => _entries.Writer.TryWrite(delivery.Entry);

        public void Move(ChannelSubscription subscription, Position place) => Moves.Enqueue(place);

        public void Tell(ChannelSubscription subscription, PresenceNews news)
        {
        }

        public void Tell(WithdrawnEvent withdrawn)
        {
        }

        public void Flush()
        {
        }

        public bool HasRoom => true;

        public ValueTask<bool> WaitForRoomAsync(CancellationToken ct) => new(true);

        public async Task<LogEntry> NextAsync() => await _entries.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        public async Task<string?[]> TextsAsync(int count)
        {
            var texts = new string?[count];
            for (var i = 0; i < count; i++)
            {
                texts[i] = (await NextAsync()).Message.Text;
            }

            return texts;
        }

        public bool HasNothing => _entries.Reader.Count == 0;
    }
}
