using Duplexity.Server.Sockets;
using FluentAssertions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Sockets;

public sealed class SessionsTests
{
    [Fact]
    [Trait("Requirement", "2.26")]
    [Trait("Guarantee", "G21")]
    public void A_grace_that_runs_out_in_the_moment_of_the_return_ends_nothing()
    {
        var time = new TimersByHand();
        var sessions = new Sessions(time, Options.Create(new DuplexityOptions()));
        var ended = 0;
        sessions.Ended += (_, _) =>
        {
            ended++;
            return Task.CompletedTask;
        };
        var (session, _) = sessions.Establish("amy", "s1", Link("c1", 1));
        sessions.Lose(session, "c1");

        // A timer's callback that has begun to run is not stopped by disposing of the timer.
        var runningOut = time.Callbacks.Single();
        sessions.Establish("amy", "s1", Link("c2", 2));
        runningOut();

        ended.Should().Be(0);
        sessions.Find("amy", "s1")!.Link!.ConnectionId.Should().Be("c2");

        // Nor does an old grace shorten a newer one.
        sessions.Lose(session, "c2");
        runningOut();
        ended.Should().Be(0);
        time.Callbacks[^1]();
        ended.Should().Be(1);
    }

    private static ControlLink Link(string connection, long generation) => new(connection, generation, new Uri("http://localhost/"), null!, (_, _) => Task.CompletedTask);

    private sealed class TimersByHand : TimeProvider
    {
        public List<Action> Callbacks { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Callbacks.Add(() => callback(state));
            return new Timer();
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
