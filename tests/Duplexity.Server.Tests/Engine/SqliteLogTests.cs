using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>What only a log on disk promises: it is there after a restart, commits for all who wait, and stays up when the disk does not.</summary>
public sealed partial class SqliteLogTests
{
    private static readonly Address Lobby = Address.Room("lobby");
    private static int _ids;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly RecordingHandler _handler = new();
    private readonly DuplexityOptions _options = new();

    [Fact]
    [Trait("Requirement", "1.31")]
    [Trait("Requirement", "3.5")]
    [Trait("Guarantee", "G2")]
    [Trait("Guarantee", "G4")]
    public async Task A_restart_forgets_no_entry_no_place_no_receipt_no_token_and_no_source()
    {
        await using var engine = Engine();
        var places = await FillAsync(engine.Log, Lobby, 5);
        var keyed = await engine.Log.AppendAsync(new AppendRequest(Message("keyed", Lobby, Address.Client("BEN")), new IdempotencyKey("AMY", null, 0, "k", "f")));
        var numbered = await engine.Log.AppendAsync(new AppendRequest(Message("numbered", Lobby), new IdempotencyKey("AMY", "s", 7, null, "f")) { Fence = new Fence("space/l", 9), Source = new SourcePlace("p/1", places[0]) });

        engine.Restart();
        var log = engine.Log;

        (await TextsAsync(log, places[4])).Should().Equal("keyed", "numbered");
        (await log.ReadAsync(Lobby, places[0], 100)).Recovered.Should().BeTrue();
        (await log.TopAsync(Lobby)).Should().Be(numbered.Positions[0]);
        (await log.AppendAsync(new AppendRequest(Message("keyed", Lobby), new IdempotencyKey("AMY", null, 0, "k", "f"))))
            .Should().BeEquivalentTo(keyed with { Outcome = AppendOutcome.Repeated }, o => o.ComparingByMembers<AppendResult>());
        (await log.AppendAsync(new AppendRequest(Message("numbered", Lobby), new IdempotencyKey("AMY", "s", 7, null, "f")))).Outcome.Should().Be(AppendOutcome.Repeated);
        (await log.AppendAsync(new AppendRequest(Message("x", Lobby), new IdempotencyKey("AMY", "s", 6, null, "f")))).Outcome.Should().Be(AppendOutcome.Unknown);
        (await log.AppendAsync(new AppendRequest(Message("x", Lobby)) { Fence = new Fence("space/l", 8) })).Outcome.Should().Be(AppendOutcome.StaleFence);
        (await log.AppendAsync(new AppendRequest(Message("x", Lobby)) { Source = new SourcePlace("p/1", places[0]) })).Outcome.Should().Be(AppendOutcome.AlreadyTaken);
        (await log.ReadSourceAsync(Lobby, "p/1")).Should().Be(places[0]);

        var next = await log.AppendAsync(new AppendRequest(Message("next", Lobby)));
        next.Positions[0].Offset.Should().Be(8);
        next.Positions[0].Epoch.Should().NotBe(places[0].Epoch, "every opening of the file is another incarnation").And.MatchRegex("^[0-9A-Za-z]{8,}$");
        (await TextsAsync(log, numbered.Positions[0])).Should().Equal("next");
    }

    [Theory]
    [Trait("Guarantee", "G17")]
    [Trait("Guarantee", "G20")]
    [InlineData(0)]
    [InlineData(-60)]
    public async Task After_a_restart_in_the_same_moment_or_an_earlier_one_the_oldest_token_and_source_give_way_and_not_the_newest(int seconds)
    {
        (_options.Limits.LocksPerChannel, _options.Limits.SourcesPerChannel) = (2, 2);
        var time = new FakeTimeProvider(_time.GetUtcNow());
        await using var engine = new SqliteEngineUnderTest(time, _options, _handler);
        await AppendAsync("a", 5);
        await AppendAsync("b", 5);

        time.AdjustTime(time.GetUtcNow().AddSeconds(seconds));
        engine.Restart();
        await AppendAsync("c", 5);

        (await engine.Log.ReadSourceAsync(Lobby, "c")).Should().Be(new Position(5, "e"));
        (await engine.Log.ReadSourceAsync(Lobby, "a")).Should().BeNull();
        (await engine.Log.AppendAsync(new AppendRequest(Message("x", Lobby)) { Fence = new Fence("c", 4) })).Outcome.Should().Be(AppendOutcome.StaleFence);
        (await engine.Log.AppendAsync(new AppendRequest(Message("x", Lobby)) { Fence = new Fence("b", 4) })).Outcome.Should().Be(AppendOutcome.StaleFence);

        async Task AppendAsync(string name, int number) =>
            (await engine.Log.AppendAsync(new AppendRequest(Message(name, Lobby)) { Fence = new Fence(name, number), Source = new SourcePlace(name, new Position(number, "e")) }))
                .Outcome.Should().Be(AppendOutcome.Stored);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G3")]
    public async Task Wherever_the_file_was_cut_off_by_a_kill_a_message_is_in_all_its_destinations_with_its_key_or_in_none()
    {
        await using var engine = Engine();
        Address[] to = [Address.Room("a"), Address.Client("b"), Address.Feed("c")];
        await FillAsync(engine.Log, to[0], 1);
        engine.Restart();
        for (var i = 1; i <= 8; i++)
        {
            await engine.Log.AppendAsync(new AppendRequest(Message($"{i}", to), new IdempotencyKey("AMY", "s", i, null, "f")) { Fence = new Fence("space/l", i) });
        }

        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        var whole = await File.ReadAllBytesAsync(Path.Combine(engine.Data, "messages.db-wal"));
        var seen = new HashSet<int>();
        const int Header = 32;
        const int Frame = 24 + 4096;
        for (var length = 0; length <= whole.Length; length += length == 0 ? Header : Frame / 2)
        {
            var data = Path.Combine(folder.FullName, $"{length}");
            Directory.CreateDirectory(data);
            File.Copy(Path.Combine(engine.Data, "messages.db"), Path.Combine(data, "messages.db"));
            await File.WriteAllBytesAsync(Path.Combine(data, "messages.db-wal"), whole[..length]);
            using var log = new SqliteMessageLog(data, ReceiptLevel.Written, _time, _options, new DefaultRetention(_options), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);

            var there = (await log.ReadAsync(to[2], null, 100)).Entries.Select(e => e.Message.Text!).ToArray();
            there.Should().Equal(Enumerable.Range(1, there.Length).Select(i => $"{i}"));
            (await log.ReadAsync(to[1], null, 100)).Entries.Select(e => e.Message.Text).Should().Equal(there);
            (await log.ReadAsync(to[0], null, 100)).Entries.Skip(1).Select(e => e.Message.Text).Should().Equal(there);
            for (var i = 1; i <= 8; i++)
            {
                (await log.FindAsync(new IdempotencyKey("AMY", "s", i, null, "f")) is not null).Should().Be(i <= there.Length, $"{i} of {there.Length}");
            }

            log.Attach(new RecordingHandler());
            (await log.AppendAsync(new AppendRequest(Message("x", to)) { Fence = new Fence("space/l", Math.Max(0, there.Length - 1)) }))
                .Outcome.Should().Be(there.Length == 0 ? AppendOutcome.Stored : AppendOutcome.StaleFence);
            seen.Add(there.Length);
        }

        seen.Should().BeEquivalentTo(Enumerable.Range(0, 9), "every number of messages was a state");
        folder.Delete(recursive: true);
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task All_who_wait_are_committed_together()
    {
        await using var engine = Engine();
        await FillAsync(engine.Log, Lobby, 1);
        var before = Commits(engine);
        Task<AppendResult>[] waiting;
        using (engine.Hang())
        {
            waiting = [.. Enumerable.Range(0, 500).Select(i => engine.Log.AppendAsync(new AppendRequest(Message($"{i}", Lobby))).AsTask())];
        }

        await Task.WhenAll(waiting);

        (Commits(engine) - before).Should().BeInRange(1, 2, "the writer had taken the first, or more, when the others came");
        (await TextsAsync(engine.Log, (await waiting[0]).Positions[0])).Should().Equal(Enumerable.Range(1, 499).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task A_disk_that_hangs_is_an_unknown_outcome_in_time_and_the_key_finds_out()
    {
        await using var engine = Engine();
        var request = new AppendRequest(Message("late", Lobby), new IdempotencyKey("AMY", "s", 1, null, "f"));
        using (engine.Hang())
        {
            var pending = engine.Log.AppendAsync(request).AsTask();
            while (!pending.IsCompleted)
            {
                _time.Advance(_options.Times.Disk);
                await Task.Yield();
            }

            await FluentActions.Awaiting(() => pending).Should().ThrowAsync<TimeoutException>();
        }

        (await engine.Log.AppendAsync(request)).Outcome.Should().Be(AppendOutcome.Repeated, "it was in line before");
        (await TextsAsync(engine.Log)).Should().Equal("late");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_waits_for_the_disk_is_bounded_and_what_is_over_is_refused_in_words()
    {
        _options.Limits.AppendsWaiting = 10;
        await using var engine = Engine();
        Task<AppendResult>[] all;
        using (engine.Hang())
        {
            all = [.. Enumerable.Range(0, 30).Select(i => engine.Log.AppendAsync(new AppendRequest(Message($"{i}", Lobby) with { FromClient = $"c{i}" })).AsTask())];
        }

        var refused = new List<DuplexityException>();
        foreach (var append in all)
        {
            try
            {
                await append;
            }
            catch (DuplexityException e)
            {
                refused.Add(e);
            }
        }

        refused.Should().NotBeEmpty().And.OnlyContain(e => e.Error.Code == Errors.Unavailable.Code);
        (await TextsAsync(engine.Log)).Should().HaveCount(30 - refused.Count);
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public async Task A_full_disk_fails_the_append_as_a_whole_and_the_log_goes_on_when_there_is_room()
    {
        var isFull = false;
        using var logs = new LogWatch();
        logs.Expect("The message log cannot be written");
        await using var engine = Engine(logger: logs.CreateLogger("log"), opened: connection =>
        {
            if (isFull)
            {
                new SqliteStatement(connection, "PRAGMA max_page_count = 1").Scalar();
            }
        });
        await FillAsync(engine.Log, Lobby, 3);
        isFull = true;
        engine.Restart();
        Address[] to = [Lobby, Address.Client("BEN")];
        var key = new IdempotencyKey("AMY", "s", 1, null, "f");
        var large = new string('x', 60_000);
        await FluentActions.Awaiting(async () => await engine.Log.AppendAsync(new AppendRequest(Message(large, to), key))).Should().ThrowAsync<SqliteException>();
        await FluentActions.Awaiting(async () => await engine.Log.AppendAsync(new AppendRequest(Message(large, to), key))).Should().ThrowAsync<SqliteException>();
        (await TextsAsync(engine.Log)).Should().HaveCount(3, "it still serves what it has");
        (await engine.Log.TopAsync(to[1])).Should().Be(Position.Start);

        isFull = false;
        (await engine.Log.AppendAsync(new AppendRequest(Message("again", to), key))).Outcome.Should().Be(AppendOutcome.Stored);
        (await TextsAsync(engine.Log)).Should().Equal("m1", "m2", "m3", "again");
        logs.Verify();
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task An_ephemeral_channel_is_never_on_the_disk_and_its_places_end_with_the_process()
    {
        await using var engine = Engine();
        var socket = Address.Socket("s1");
        var place = (await engine.Log.AppendAsync(new AppendRequest(Message("canary-of-a-socket", socket)))).Positions[0];
        await FillAsync(engine.Log, Lobby, 1);

        foreach (var file in Directory.GetFiles(engine.Data, "messages.db*"))
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), System.Text.Encoding.Latin1);
            (await reader.ReadToEndAsync()).Should().NotContain("canary-of-a-socket");
        }

        engine.Restart();
        (await engine.Log.TopAsync(socket)).Should().Be(Position.Start);
        (await engine.Log.ReadAsync(socket, place, 10)).Recovered.Should().BeFalse();
        (await engine.Log.AppendAsync(new AppendRequest(Message("new", socket)))).Positions[0].Epoch.Should().NotBe(place.Epoch);
        (await TextsAsync(engine.Log)).Should().Equal("m1");
    }

    private static StoredMessage Message(string text, params Address[] to) => new()
    {
        Id = $"m{Interlocked.Increment(ref _ids)}",
        FromClient = "AMY",
        SentAt = DateTimeOffset.UnixEpoch,
        Text = text,
        Destinations = to,
    };

    private static async Task<Position[]> FillAsync(IMessageLog log, Address channel, int count)
    {
        var positions = new Position[count];
        for (var i = 0; i < count; i++)
        {
            positions[i] = (await log.AppendAsync(new AppendRequest(Message($"m{i + 1}", channel)))).Positions[0];
        }

        return positions;
    }

    private static async Task<string[]> TextsAsync(IMessageLog log, Position? since = null) => [.. (await log.ReadAsync(Lobby, since, 10_000)).Entries.Select(e => e.Message.Text!)];

    /// <summary>Commits in the write-ahead log: frames that say how large the file is behind them.</summary>
    private static int Commits(SqliteEngineUnderTest engine)
    {
        using var wal = new FileStream(Path.Combine(engine.Data, "messages.db-wal"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var commits = 0;
        var frame = new byte[24];
        for (wal.Position = 32; wal.Read(frame) == frame.Length; wal.Position += 4096)
        {
            commits += System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4)) > 0 ? 1 : 0;
        }

        return commits;
    }

    private SqliteEngineUnderTest Engine(Microsoft.Extensions.Logging.ILogger? logger = null, Action<SqliteConnection>? opened = null) =>
        new(_time, _options, _handler, logger: logger, opened: opened);
}
