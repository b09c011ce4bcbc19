using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>
/// Random histories, played to the log in memory and to the one on disk: appends with and without keys, tokens and sources, reads around every place, time, sweeps; and restarts, which only the disk
/// must survive without a trace. Both give the same answers; a failure names its seed.
/// </summary>
public sealed class SqliteHistoryTests
{
    private static readonly Address[] Channels = [Address.Room("a"), Address.Client("b"), Address.Feed("c"), Address.Room("last")];

    [Fact]
    [Trait("Guarantee", "G2")]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G17")]
    [Trait("Guarantee", "G20")]
    public async Task The_log_on_disk_answers_as_the_one_in_memory()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            await new History(seed).PlayAsync(250);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Guarantee", "G2")]
    public async Task The_log_on_disk_answers_as_the_one_in_memory_in_thousands_of_histories()
    {
        for (var seed = 1_000; seed < 4_000; seed++)
        {
            await new History(seed).PlayAsync(250);
        }
    }

    private sealed class Rules(DuplexityOptions options) : IRetention
    {
        private readonly DefaultRetention _others = new(options);

        public Retention Of(Address channel) => _others.Of(channel) with { LastValueOnly = channel == Channels[3], Count = channel == Channels[2] ? 100 : 8 };
    }

    private sealed class History(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

        // The same places under the names that each of the two gave them.
        private readonly List<(Address Channel, Position InMemory, Position OnDisk)> _places = [];
        private SqliteEngineUnderTest _disk = null!;
        private IMessageLog _memory = null!;
        private int _step;

        public async Task PlayAsync(int steps)
        {
            var options = new DuplexityOptions();
            (options.Limits.BytesPerChannel, options.Limits.TailBytes) = (400, 2_400);
            (options.Limits.ReceiptsPerSession, options.Limits.SocketsPerClient, options.Limits.IdempotencyKeysPerClient) = (4, 3, 6);
            (options.Limits.LocksPerChannel, options.Limits.SourcesPerChannel) = (2, 2);

            // The history lets days pass in a moment, in which the disk does not answer.
            options.Times.Disk = TimeSpan.FromDays(40);
            var rules = new Rules(options);
            await using var disk = _disk = new SqliteEngineUnderTest(_time, options, new RecordingHandler(), rules);
            await using var memory = new MemoryEngineUnderTest(_time, options, new RecordingHandler(), retention: rules);
            _memory = memory.Nodes[0].Log;
            for (_step = 0; _step < steps; _step++)
            {
                await (_random.Next(20) switch
                {
                    < 9 => AppendAsync(),
                    < 17 => ReadAsync(),
                    17 => PassTimeAsync(),
                    18 => AskAsync(),
                    _ => RestartAsync(),
                });
            }
        }

        private async Task AppendAsync()
        {
            Address[] to = [.. Channels.OrderBy(_ => _random.Next()).Take(_random.Next(1, 4))];
            var message = new StoredMessage { Id = $"m{_step}", FromClient = "AMY", SentAt = _time.GetUtcNow(), Text = new string('x', _random.Next(0, 90)), Destinations = to };
            var request = new AppendRequest(message, _random.Next(3) switch { 0 => null, 1 => Sequenced(), _ => Keyed() })
            {
                Fence = _random.Next(4) == 0 ? new Fence($"l{_random.Next(4)}", _random.Next(10)) : null,
                Source = _random.Next(4) == 0 ? new SourcePlace($"e{_random.Next(4)}", new Position(_random.Next(1, 20), $"{_random.Next(3)}")) : null,
            };
            var here = await _memory.AppendAsync(request);
            var there = await _disk.Log.AppendAsync(request);

            Of(there).Should().BeEquivalentTo(Of(here), Because("append"));
            if (here.Outcome == AppendOutcome.Stored)
            {
                _places.AddRange(to.Select((channel, i) => (channel, here.Positions[i], there.Positions[i])));
            }

            static object Of(AppendResult r) => new { r.Outcome, r.MessageId, To = r.Destinations.Select(d => d.ToString()), Offsets = r.Positions.Select(p => p.Offset) };
        }

        private async Task ReadAsync()
        {
            var channel = Channels[_random.Next(Channels.Length)];
            (Position? InMemory, Position? OnDisk) since = (null, null);
            var own = _places.Where(p => p.Channel == channel).TakeLast(30).ToArray();
            if (own.Length > 0 && _random.Next(5) > 0)
            {
                var (_, inMemory, onDisk) = own[_random.Next(own.Length)];
                since = _random.Next(6) switch
                {
                    0 => (inMemory with { Epoch = "other" }, onDisk with { Epoch = "other" }),
                    1 => (inMemory with { Offset = inMemory.Offset + 100 }, onDisk with { Offset = onDisk.Offset + 100 }),
                    2 => (Position.Start, Position.Start),
                    _ => (inMemory, onDisk),
                };
            }

            var (limit, reverse) = (_random.Next(1, 12), _random.Next(3) == 0);
            var here = await _memory.ReadAsync(channel, since.InMemory, limit, reverse);
            var there = await _disk.Log.ReadAsync(channel, since.OnDisk, limit, reverse);

            Of(there).Should().BeEquivalentTo(Of(here), o => o.WithStrictOrdering(), Because($"read of {channel} from {since.OnDisk}, {limit}{(reverse ? " backwards" : "")}"));
            (await _disk.Log.TopAsync(channel)).Offset.Should().Be((await _memory.TopAsync(channel)).Offset, Because("top"));

            static object Of(LogPage p) => new
            {
                p.Recovered,
                p.End,
                Top = p.Top.Offset,
                Entries = p.Entries.Select(e => (e.Position.Offset, Before: e.Before.Offset, e.Message.Id, e.Message.Text, Earlier: string.Join(',', e.Earlier.Select(x => x.Offset)))).ToArray(),
            };
        }

        private async Task AskAsync()
        {
            var key = _random.Next(2) == 0 ? Sequenced() : Keyed();
            var (here, there) = (await _memory.FindAsync(key), await _disk.Log.FindAsync(key));
            (there?.MessageId).Should().Be(here?.MessageId, Because("find"));
            var (channel, edge) = (Channels[_random.Next(Channels.Length)], $"e{_random.Next(4)}");
            (await _disk.Log.ReadSourceAsync(channel, edge)).Should().Be(await _memory.ReadSourceAsync(channel, edge), Because("source"));
        }

        private async Task PassTimeAsync()
        {
            _time.Advance(TimeSpan.FromHours(_random.Next(3) switch { 0 => 1, 1 => 20, _ => 24 * 5 }));
            await _disk.Log.SweepAsync();
        }

        private Task RestartAsync()
        {
            _disk.Restart();
            return Task.CompletedTask;
        }

        private IdempotencyKey Sequenced() => new($"c{_random.Next(2)}", $"s{_random.Next(5)}", _random.Next(1, 12), null, $"{_random.Next(8) / 7}");

        private IdempotencyKey Keyed() => new($"c{_random.Next(2)}", null, 0, $"k{_random.Next(12)}", $"{_random.Next(8) / 7}");

        private string Because(string what) => $"seed {seed}, step {_step}: {what}";
    }
}
