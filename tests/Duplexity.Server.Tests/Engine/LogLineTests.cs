using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>Who may have how much of what waits for the log's disk (G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class LogLineTests
{
    private readonly LogLine _line = new(new() { AppendsWaiting = 100, AppendBytesWaiting = 1_000 });

    [Fact]
    public void A_client_has_a_tenth_its_neighbours_and_the_node_have_theirs_and_what_is_taken_is_free_again()
    {
        for (var i = 0; i < 10; i++)
        {
            _line.Add(new Work("amy", 1));
        }

        Refused("amy", 1).Should().BeEquivalentTo(new { Errors.RateLimited.Code, Limit = "appends_waiting_per_client", Used = 10L, RetryAfterMs = 100L });
        _line.Add(new Work("ben", 1));
        _line.Add(new Work(null, 1));

        _line.Take();
        _line.Add(new Work("amy", 1));
        Refused("amy", 1).Limit.Should().Be("appends_waiting_per_client");
    }

    [Fact]
    public void A_client_has_a_tenth_of_the_bytes_and_one_message_whatever_its_size()
    {
        _line.Add(new Work("amy", 500));

        Refused("amy", 1).Should().BeEquivalentTo(new { Errors.RateLimited.Code, Limit = "append_bytes_waiting_per_client", Used = 500L });
        _line.Take();
        _line.Add(new Work("amy", 500));
    }

    [Fact]
    public void All_clients_together_leave_the_nodes_own_its_room()
    {
        for (var i = 0; i < 100; i++)
        {
            _line.Add(new Work($"c{i}", 1));
        }

        Refused("more", 1).Code.Should().Be(Errors.Unavailable.Code);
        for (var i = 0; i < 100; i++)
        {
            _line.Add(new Work(null, 1));
        }

        FluentActions.Invoking(() => _line.Add(new Work(null, 1))).Should().Throw<DuplexityException>().Which.Error.Code.Should().Be(Errors.Unavailable.Code);
    }

    private DuplexityError Refused(string client, int bytes) => FluentActions.Invoking(() => _line.Add(new Work(client, bytes))).Should().Throw<DuplexityException>().Which.Error;

    private sealed class Work(string? client, int bytes) : LogWork
    {
        public override int Bytes => bytes;

        public override string? Client => client;

        public override void Run(SqliteStore store, EphemeralPlaces places)
        {
        }

        public override void Publish(LogViews views, Action<LogEntry> deliver)
        {
        }

        public override void Fail(Exception exception)
        {
        }
    }
}
