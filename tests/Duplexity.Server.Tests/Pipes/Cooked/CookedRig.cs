using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using ServerMessagePipes = Duplexity.Server.Pipes.Cooked.MessagePipes;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>Message pipes without any socket: an engine that outlives the runners, and runners that can be killed where it hurts.</summary>
internal sealed class CookedRig : IAsyncDisposable
{
    private readonly PipeMachine _machine;
    private readonly KnuckleRegistration[] _knuckles;
    private readonly List<PipeRunners> _started = [];

    public CookedRig(Action<DuplexityOptions>? configure = null, params KnuckleRegistration[] knuckles)
        : this([], null, configure, _ => [], knuckles)
    {
    }

    /// <summary>With further gates of the node's own.</summary>
    public CookedRig(Action<DuplexityOptions>? configure, Func<PipeRig, IBuiltInGate[]> further, params KnuckleRegistration[] knuckles)
        : this([], null, configure, further, knuckles)
    {
    }

    /// <summary>With gates of an application, and around an engine that was there before; null: one in memory.</summary>
    public CookedRig(GateRegistration[] gates, IEngine? engine, Action<DuplexityOptions>? configure = null, params KnuckleRegistration[] knuckles)
        : this(gates, engine, configure, _ => [], knuckles)
    {
    }

    private CookedRig(GateRegistration[] gates, IEngine? engine, Action<DuplexityOptions>? configure, Func<PipeRig, IBuiltInGate[]> further, KnuckleRegistration[] knuckles)
    {
        _knuckles = knuckles;
        Rig = new PipeRig([], [Service], configure ?? (_ => { }), engine, []);
        Engine = new StoppingEngine(Rig.Engine);
        var provider = new ServiceCollection().BuildServiceProvider();
        Gates = new ApplicationGates(gates, new GateSettings(Rig.Settings, Rig.Http, Rig.Time), provider, Rig.Time, NullLogger<ApplicationGates>.Instance);
        IBuiltInGate[] own = [new IdentityGate(Rig.Time), new SizeGate(), new LimitGate(), new ScopeGate(), new AllowanceGate(Rig.Reach, Rig.Replies), .. further(Rig)];
        _machine = new PipeMachine(Engine, Rig.ListenerCounts, Rig.Inboxes, Rig.Replies, Rig.Receipts, own, Gates, Rig.Announcer, Rig.Traces, Rig.Metrics, Rig.Time, Rig.Settings);
    }

    public PipeRig Rig { get; }

    public StoppingEngine Engine { get; }

    public ApplicationGates Gates { get; }

    public FakeOwners Owners { get; } = new();

    public HeardService Service { get; } = new();

    public static KnuckleRegistration Knuckle(Func<KnuckleContext, IReadOnlyCollection<Address>> choose) => KnuckleRegistration.Of("Lots", "room:*", _ => new FunctionKnuckle(choose));

    public async Task<ServerMessagePipes> StartAsync()
    {
        if (_started.Count == 0)
        {
            await Rig.Announcer.StartAsync(default);
        }

        var store = new PipeStore(Engine, Rig.Time);
        var carrying = new PipeCarrying(
            _machine, Owners, Rig.Listeners, Rig.Egress, new Knuckles(_knuckles, new ServiceCollection().BuildServiceProvider(), Rig.Time, Rig.Settings), store, Rig.Announcer, Rig.Traces, Rig.Time, Rig.Settings);
        var book = new PipeBook(Engine, store, Rig.Settings);
        var runners = new PipeRunners(Engine, Rig.Channels, book, carrying, Owners, store, Rig.Time, Rig.Settings, NullLogger<PipeRunners>.Instance);
        await runners.StartAsync(default);
        _started.Add(runners);
        return new ServerMessagePipes(Engine, book, runners, store, Owners, Rig.Settings);
    }

    public static async Task SetAsync(ServerMessagePipes pipes, string owner, params MessagePipe[] wanted) =>
        (await pipes.SetAsync(owner, FakeOwners.All, wanted, default)).Error.Should().BeNull();

    public static MessagePipe Pipe(string id, string from, params string[] to) => new() { Id = id, From = from, To = to };

    public async Task SendAsync(string text, string to, string client = "amy") => (await _machine.SendAsync(PipeRig.As(client), PipeRig.Text(text, to))).Error.Should().BeNull();

    public async Task SendAsync(SendRequest request, string client = "amy") => (await _machine.SendAsync(PipeRig.As(client), request)).Error.Should().BeNull();

    /// <summary>Waits until every pipe has come to the top of its source.</summary>
    public async Task SettledAsync(ServerMessagePipes pipes, params string[] owners)
    {
        async Task<IEnumerable<MessagePipe>> ListAsync() => (await Task.WhenAll(owners.Select(o => pipes.ListAsync(o, default)))).SelectMany(p => p);

        async Task<bool> IsSettled()
        {
            foreach (var pipe in await ListAsync())
            {
                if (pipe.Place != await Rig.Engine.Log.TopAsync(Address.Parse(pipe.From!)))
                {
                    return false;
                }
            }

            return true;
        }

        async Task Run()
        {
            // Twice: what the last one looked at made may have moved one that was looked at before.
            while (!await IsSettled() || !await IsSettled())
            {
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(1));
            }
        }

        await Run().Soon();
    }

    public async Task<IReadOnlyList<LogEntry>> LogAsync(string channel) => (await Rig.Engine.Log.ReadAsync(Address.Parse(channel), null, 10_000)).Entries;

    public async Task<IEnumerable<string?>> TextsAsync(string channel) => (await LogAsync(channel)).Select(e => e.Message.Text);

    public async ValueTask DisposeAsync()
    {
        Engine.LetGo();
        foreach (var runners in _started)
        {
            await runners.StopAsync(default).Soon();
        }

        await Rig.Announcer.StopAsync(default).Soon();
    }

    private sealed class FunctionKnuckle(Func<KnuckleContext, IReadOnlyCollection<Address>> choose) : IKnuckle
    {
        public ValueTask<IReadOnlyCollection<Address>> ChooseAsync(KnuckleContext context, CancellationToken ct) => new(choose(context));
    }

    internal sealed class FakeOwners : IPipeOwners
    {
        public static PipeGrant All { get; } = new() { Allowances = new() { Send = ["*"], Receive = ["*"], Join = ["*"] } };

        public ConcurrentDictionary<string, bool> Out { get; } = new();

        public ConcurrentDictionary<string, Allowances> Rights { get; } = new();

        public (Sender Sender, PipeGrant Grant)? Find(string owner, PipeGrant grant) => Out.ContainsKey(owner)
            ? null
            : (new Sender { Client = owner, Rules = new AllowanceRules(Rights.GetValueOrDefault(owner, grant.Allowances)) }, grant);

        public DuplexityError? MayRead(string owner, PipeGrant grant, Address channel) => new AllowanceRules(Rights.GetValueOrDefault(owner, grant.Allowances)).MayReceive(channel)
            ? null
            : DuplexityError.Of(Errors.UnknownDestination, "Not there.");
    }

    internal sealed class HeardService : IMessageService
    {
        public ConcurrentQueue<Announcement> Heard { get; } = new();

        public IReadOnlyCollection<string> Channels => [ServiceChannel.Cooked];

        public ValueTask OnAnnouncementAsync(Announcement announcement, CancellationToken ct)
        {
            Heard.Enqueue(announcement);
            return default;
        }

        public async Task<Announcement> HearAsync(Func<Announcement, bool> wanted)
        {
            async Task<Announcement> Run()
            {
                while (true)
                {
                    if (Heard.FirstOrDefault(wanted) is { } heard)
                    {
                        return heard;
                    }

                    await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(1));
                }
            }

            return await Run().Soon();
        }
    }
}
