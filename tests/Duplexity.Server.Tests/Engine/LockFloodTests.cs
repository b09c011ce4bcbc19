using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>Locks of clients that take and give back, come and go, as fast as they can.</summary>
public sealed class LockFloodTests
{
    private static readonly LockHolder Amy = new("amy", "a");
    private static readonly LockHolder Eve = new("eve", "e");
    private readonly List<LockChange> _told = [];
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Locks_that_are_taken_and_given_back_leave_nothing_for_the_length_of_their_leases()
    {
        using var locks = await StartAsync();
        await TakeAsync(locks, "held", Amy);
        for (var i = 0; i < 5_000; i++)
        {
            var held = await TakeAsync(locks, $"{i}", Eve);
            (await locks.ReleaseAsync(new("space", $"{i}"), Eve, held.Token)).Should().BeTrue();
        }

        locks.Alarms.Should().BeLessThan(1_100);
        locks.Find(new("space", "held")).Should().NotBeNull();
        _time.Advance(TimeSpan.FromMinutes(6));
        await HeardAsync(c => c is { Event: LockEvent.Expired, Holder.Client: "amy" });
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Who_holds_a_lock_is_told_once_that_others_want_it_however_often_they_come_and_go()
    {
        using var locks = await StartAsync();
        var held = await TakeAsync(locks, "l", Amy);
        for (var i = 0; i < 100; i++)
        {
            (await locks.AcquireAsync(new LockRequest(new("space", "l"), Eve, $"{i}", TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1), null))).Outcome.Should().Be(LockOutcome.Queued);
            (await locks.WithdrawAsync(new("space", "l"), Eve, $"{i}")).Should().BeTrue();
        }

        await locks.ReleaseAsync(new("space", "l"), Amy, held.Token);
        await HeardAsync(c => c.Event == LockEvent.Released);
        lock (_told)
        {
            _told.Count(c => c.Event == LockEvent.Contended).Should().Be(1);
        }
    }

    private async Task<MemoryLocks> StartAsync()
    {
        var locks = new MemoryLocks(new MemoryRecords(_time), new MonotonicClock(_time), _time, new DuplexityOptions(), NullLogger.Instance);
        await locks.StartAsync(new Handler(_told));
        return locks;
    }

    private static async Task<LockView> TakeAsync(MemoryLocks locks, string name, LockHolder holder)
    {
        var answer = await locks.AcquireAsync(new LockRequest(new("space", name), holder, "t", TimeSpan.FromMinutes(5), TimeSpan.Zero, null));
        answer.Outcome.Should().Be(LockOutcome.Granted);
        return answer.Held!;
    }

    private async Task HeardAsync(Predicate<LockChange> what)
    {
        async Task Run()
        {
            while (true)
            {
                lock (_told)
                {
                    if (_told.Exists(what))
                    {
                        return;
                    }
                }

                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(1));
            }
        }

        await Run().Soon();
    }

    private sealed class Handler(List<LockChange> told) : ILockHandler
    {
        public void OnLockChanged(LockChange change)
        {
            lock (told)
            {
                told.Add(change);
            }
        }
    }
}
