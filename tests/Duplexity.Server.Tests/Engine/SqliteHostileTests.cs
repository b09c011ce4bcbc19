using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>What a client may put into a log on disk and ask of it, meant badly: it is its own loss, and nobody else's.</summary>
public sealed class SqliteHostileTests
{
    private static readonly Address Lobby = Address.Room("lobby");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly DuplexityOptions _options = new();

    [Theory]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G24")]
    [InlineData("s\0a", "s\0b")]
    [InlineData("s\0a", "s")]
    public async Task Two_sessions_are_two_whatever_their_names_are_made_of_and_fail_no_commit_of_others(string one, string other)
    {
        await using var engine = new SqliteEngineUnderTest(_time, _options, new RecordingHandler());
        for (var i = 1; i <= 3; i++)
        {
            foreach (var session in (string[])[one, other])
            {
                (await engine.Log.AppendAsync(Request(session, i))).Outcome.Should().Be(AppendOutcome.Stored, $"{i} of {session.Length}");
            }
        }

        engine.Restart();
        (await engine.Log.AppendAsync(Request(one, 3))).Outcome.Should().Be(AppendOutcome.Repeated);
        (await engine.Log.AppendAsync(Request(other, 3))).Outcome.Should().Be(AppendOutcome.Repeated);

        static AppendRequest Request(string session, int sequence) => new(Message($"{sequence}"), new IdempotencyKey("AMY", session, sequence, null, "f"));
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_session_that_gives_way_is_forgotten_whatever_its_name_is_made_of()
    {
        (_options.Limits.ReceiptsPerSession, _options.Limits.SocketsPerClient) = (2, 1);
        await using var engine = new SqliteEngineUnderTest(_time, _options, new RecordingHandler());
        for (var i = 1; i <= 3; i++)
        {
            foreach (var session in (string[])["s\0a", "s", "s\0b", "t\0"])
            {
                (await engine.Log.AppendAsync(new AppendRequest(Message($"{i}"), new IdempotencyKey("AMY", session, 1, null, "f")))).Outcome.Should().Be(AppendOutcome.Stored, $"{i}: of two receipts the one before it is gone");
            }
        }
    }

    private static StoredMessage Message(string text) => new() { Id = Guid.NewGuid().ToString("n"), FromClient = "AMY", SentAt = DateTimeOffset.UnixEpoch, Text = text, Destinations = [Lobby] };
}
