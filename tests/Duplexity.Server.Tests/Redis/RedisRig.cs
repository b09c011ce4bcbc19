using System.Collections.Concurrent;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two nodes on one Redis whose handlers hear only of what they follow, and the store's clock in the test's hand.</summary>
internal sealed class RedisRig : IAsyncDisposable
{
    private RedisRig(RedisEngineUnderTest engine, Hearer[] hearers, FakeTimeProvider time) => (Engine, Hearers, Time) = (engine, hearers, time);

    public RedisEngineUnderTest Engine { get; }

    public Hearer[] Hearers { get; }

    public FakeTimeProvider Time { get; }

    public static async Task<RedisRig> StartAsync(RedisFixture redis, Action<RedisOptions>? configure = null)
    {
        var (time, options) = (new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)), new DuplexityOptions());
        var settings = new RedisOptions { Connection = redis.Server.Connection, Prefix = redis.NextPrefix() };
        configure?.Invoke(settings);
        Hearer[] hearers = [new(), new()];
        var engine = new RedisEngineUnderTest(redis.Server, settings, time, options, new DefaultRetention(options), hearers);
        await engine.StartAsync();
        return new RedisRig(engine, hearers, time);
    }

    public static StoredMessage Message(string text, params Address[] to) => new()
    {
        Id = Guid.NewGuid().ToString("n"),
        FromClient = "AMY",
        FromSocket = "s1",
        SentAt = DateTimeOffset.UnixEpoch,
        Text = text,
        Destinations = to,
    };

    public async Task<Position> AppendAsync(int node, string text, Address to) => (await Engine.Nodes[node].Log.AppendAsync(new AppendRequest(Message(text, to)))).Positions[0];

    /// <summary>Lets time pass, a renewal at a time, until something has come about.</summary>
    public async Task PassAsync(Func<Task<bool>> until, TimeSpan? atMost = null)
    {
        var end = Time.GetUtcNow() + (atMost ?? TimeSpan.FromMinutes(5));
        while (!await until())
        {
            if (Time.GetUtcNow() > end)
            {
                throw new TimeoutException("It has not come about.");
            }

            Time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAll(Engine.Engines.Select(e => e.Node.RoundAsync()));
        }
    }

    public ValueTask DisposeAsync() => Engine.DisposeAsync();

    /// <summary>A node as its engine sees it.</summary>
    internal sealed class Hearer : IEngineHandler
    {
        public bool HearsAll => false;

        public RecordingHandler Entries { get; } = new();

        public ConcurrentQueue<Duplexity.Server.Engine.PresenceChange> Presence { get; } = new();

        public ConcurrentQueue<Address> Missed { get; } = new();

        public ConcurrentQueue<Address> Hinted { get; } = new();

        public void OnHinted(Address channel) => Hinted.Enqueue(channel);

        public void OnPresenceMissed(Address channel) => Missed.Enqueue(channel);

        public void OnAppended(LogEntry entry) => Entries.OnAppended(entry);

        public void OnPresenceChanged(Duplexity.Server.Engine.PresenceChange change) => Presence.Enqueue(change);
    }
}
