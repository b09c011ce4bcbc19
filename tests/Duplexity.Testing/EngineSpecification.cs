using Duplexity.Server;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Testing;

/// <summary>
/// What every engine promises, as tests that each engine's test class inherits. An engine that passes can take another one's place; where they differ
/// (<see cref="EngineUnderTest.Level"/>, how many nodes), the engine under test says so.
/// </summary>
public abstract partial class EngineSpecification
{
    private static readonly Address Lobby = Address.Room("lobby");

    /// <summary>The clock of the engine under test, where it does not have the time from its store.</summary>
    private protected FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>What each node's handler received.</summary>
    private protected RecordingHandler[] Handlers { get; } = [new(), new()];

    /// <summary>A fresh, empty engine; node n delivers to handler n.</summary>
    private protected abstract Task<EngineUnderTest> CreateAsync(FakeTimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers);

    private static int _ids;

    private static StoredMessage Message(string text, params Address[] to) => new()
    {
        Id = $"m{Interlocked.Increment(ref _ids)}",
        FromClient = "AMY",
        FromSocket = "s1",
        SentAt = DateTimeOffset.UnixEpoch,
        Text = text,
        Destinations = to,
    };

    private static IdempotencyKey Sequenced(long sequence, string client = "AMY", string session = "laptop", string fingerprint = "f") =>
        new(client, session, sequence, null, fingerprint);

    private static IdempotencyKey Keyed(string key, string client = "AMY", string fingerprint = "f") => new(client, null, 0, key, fingerprint);

    private static async Task<Position[]> FillAsync(IMessageLog log, Address channel, int count, string prefix = "m")
    {
        var positions = new Position[count];
        for (var i = 0; i < count; i++)
        {
            positions[i] = (await log.AppendAsync(new AppendRequest(Message($"{prefix}{i + 1}", channel)))).Positions[0];
        }

        return positions;
    }

    private static async Task<string[]> TextsAsync(IMessageLog log, Address channel, Position? since = null) =>
        [.. (await log.ReadAsync(channel, since, 10_000)).Entries.Select(e => e.Message.Text!)];

    private Task<EngineUnderTest> CreateAsync(Action<DuplexityOptions>? configure = null)
    {
        var options = new DuplexityOptions();
        configure?.Invoke(options);
        return CreateAsync(Time, options, new DefaultRetention(options), Handlers);
    }

    private Task<EngineUnderTest> CreateAsync(IRetention retention) => CreateAsync(Time, new DuplexityOptions(), retention, Handlers);
}
