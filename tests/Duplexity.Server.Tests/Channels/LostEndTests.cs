using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Tests.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using ChannelSubscription = Duplexity.Server.Channels.Subscription;

namespace Duplexity.Server.Tests.Channels;

/// <summary>A log that loses its end, and gets other entries instead, while a channel's pump has not heard of everything that its listeners have read.</summary>
[Trait("Guarantee", "G2")]
[Trait("Guarantee", "G3")]
public sealed class LostEndTests
{
    private readonly CutLog _log = new();
    private readonly Channel _channel;

    public LostEndTests() => _channel = new(Address.Room("lobby"), _log, new LostPlaces(_log), TimeProvider.System, NullLogger.Instance);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Who_had_read_ahead_of_the_hints_hears_what_was_stored_instead(int heard)
    {
        _log.Append("a", 1);
        var early = await ListenAsync(Position.Start);
        _log.Append("a", 2, 3, 4);
        var ahead = await ListenAsync(Position.Start);
        for (var i = 2; i <= heard; i++)
        {
            _channel.OnAppended(_log.At(i));
        }

        (await early.TextsAsync(heard)).Should().Equal(Enumerable.Range(1, heard).Select(i => $"{i}@a"));
        (await ahead.TextsAsync(4)).Should().Equal("1@a", "2@a", "3@a", "4@a");

        _log.Cut(1);
        _log.Append("b", 2, 3);
        _channel.OnAppended(_log.At(3));

        (await ahead.TextsAsync(2)).Should().Equal("2@b", "3@b");
        (await early.TextsAsync(2)).Should().Equal("2@b", "3@b");
        _log.Append("b", 4);
        _channel.OnAppended(_log.At(4));
        (await ahead.TextsAsync(1)).Should().Equal("4@b");
        (await early.TextsAsync(1)).Should().Equal("4@b");
        (ahead.HasNothing, early.HasNothing).Should().Be((true, true));
    }

    [Fact]
    public async Task Who_comes_before_anything_was_stored_instead_does_not_read_the_log_over_and_over()
    {
        _log.Append("a", 1, 2, 3);
        var early = await ListenAsync(Position.Start);
        _log.Cut(1);

        var late = await ListenAsync(await _log.TopAsync(Address.Room("lobby")));

        _log.Append("b", 2);
        _channel.OnAppended(_log.At(2));
        (await late.TextsAsync(1)).Should().Equal("2@b");
        (await early.TextsAsync(4)).Should().Equal("1@a", "2@a", "3@a", "2@b");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task Who_was_in_an_epoch_of_which_the_log_has_lost_everything_goes_on_behind_what_came_before_it(int left)
    {
        if (left > 0)
        {
            _log.Append("a", 1);
        }

        _log.Append("b", left + 1, left + 2);
        var live = await ListenAsync(Position.Start);
        _log.Cut(left);
        _log.Append("c", left + 1, left + 2, left + 3);

        _channel.OnAppended(_log.At(left + 3));

        (await live.TextsAsync(left + 5)).TakeLast(3).Should().Equal($"{left + 1}@c", $"{left + 2}@c", $"{left + 3}@c");
        var late = await ListenAsync(await _channel.Epochs.LastKnownAsync(new Position(left + 2, "b")) ?? throw new InvalidOperationException());
        (await late.TextsAsync(3)).Should().Equal($"{left + 1}@c", $"{left + 2}@c", $"{left + 3}@c");
        (await _channel.Epochs.LastKnownAsync(new Position(1, "unknown"))).Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Whoever_makes_places_up_has_the_log_looked_through_once_and_not_again_until_it_has_another_epoch()
    {
        var (lobby, places) = (Address.Room("lobby"), new LostPlaces(_log));
        _log.Append("a", [.. Enumerable.Range(1, 10)]);
        _log.Append("b", [.. Enumerable.Range(11, 490)]);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => places.LastKnownAsync(lobby, new(5, $"made up {i}")).AsTask()));
        _log.EntriesRead.Should().BeInRange(500, 600, "64 asked at once");

        for (var i = 0; i < 100; i++)
        {
            (await places.LastKnownAsync(lobby, new(5, $"{i} made up"))).Should().BeNull();
        }

        _log.Append("b", 501);
        (await places.LastKnownAsync(lobby, new(900, "made up"))).Should().BeNull();
        _log.EntriesRead.Should().BeLessThan(600);
        (await places.LastKnownAsync(lobby, new(12, "a"))).Should().Be(new Position(10, "a"));
        (await places.LastKnownAsync(lobby, new(9, "a"))).Should().BeNull("it has left in some other way than with the end");
        (await places.LastKnownAsync(lobby, new(502, "b"))).Should().Be(new Position(501, "b"));

        // What was said of a log that has lost its end since, with and without entries instead, is not said again.
        _log.Cut(5);
        (await places.LastKnownAsync(lobby, new(12, "a"))).Should().Be(new Position(5, "a"));
        (await places.LastKnownAsync(lobby, new(502, "b"))).Should().BeNull();
        _log.Append("c", 6, 7);
        (await places.LastKnownAsync(lobby, new(12, "a"))).Should().Be(new Position(5, "a"));
        _log.Trim(6);
        (await places.LastKnownAsync(lobby, new(12, "a"))).Should().BeNull("its last entry has left by retention");
    }

    private async Task<PipeRig.Listener> ListenAsync(Position start)
    {
        var listener = new PipeRig.Listener("s");
        listener.Subscription = new ChannelSubscription(_channel, listener, ["amy"]) { Start = start, Cursor = start, Told = start, Passed = start };
        _channel.TryAdd(listener.Subscription).Should().BeTrue();
        await Task.Run(() => _channel.CatchUpAsync(listener.Subscription)).Soon();
        return listener;
    }

    /// <summary>One channel's entries, whose end can be cut off.</summary>
    private sealed class CutLog : IMessageLog
    {
        private readonly Lock _lock = new();
        private readonly List<LogEntry> _entries = [];

        public ReceiptLevel Level => ReceiptLevel.Written;

        public int EntriesRead { get; private set; }

        public LogEntry At(int offset)
        {
            lock (_lock)
            {
                return _entries[offset - 1];
            }
        }

        public void Append(string epoch, params int[] offsets)
        {
            lock (_lock)
            {
                foreach (var offset in offsets)
                {
                    var message = new StoredMessage { Id = $"{offset}@{epoch}", FromClient = "dan", SentAt = DateTimeOffset.UnixEpoch, Text = $"{offset}@{epoch}", Destinations = [Address.Room("lobby")] };
                    _entries.Add(new(Address.Room("lobby"), new(offset, epoch), Top, message, []));
                }
            }
        }

        public void Trim(int count)
        {
            lock (_lock)
            {
                _entries.RemoveRange(0, count);
            }
        }

        public void Cut(int count)
        {
            lock (_lock)
            {
                _entries.RemoveRange(count, _entries.Count - count);
            }
        }

        public async ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default)
        {
            await Task.Yield();
            lock (_lock)
            {
                if (since is not null && since != Position.Start && !_entries.Exists(e => e.Position == since))
                {
                    return new(false, [], Top, true);
                }

                LogEntry[] left = [.. _entries.Where(e => since is null || (reverse ? e.Position.Offset < since.Offset : e.Position.Offset > since.Offset))];
                LogEntry[] page = [.. (reverse ? left.Reverse() : left).Take(limit)];
                EntriesRead += page.Length;
                return new(true, page, Top, page.Length == left.Length);
            }
        }

        public ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default)
        {
            lock (_lock)
            {
                return new(Top);
            }
        }

        public ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default) => throw new NotSupportedException();

        public ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default) => throw new NotSupportedException();

        public ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default) => throw new NotSupportedException();

        public ValueTask RemoveAsync(Address channel, CancellationToken ct = default) => throw new NotSupportedException();

        private Position Top => _entries.Count == 0 ? Position.Start : _entries[^1].Position;
    }
}
