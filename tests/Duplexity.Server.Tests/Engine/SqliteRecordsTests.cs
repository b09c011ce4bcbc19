using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>The engine with a data folder keeps every engine's promises, and its records outlive it.</summary>
public sealed class SqliteRecordsTests : EngineSpecification, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-test-");
    private readonly List<SqliteRecords> _opened = [];

    private string Data => Path.Combine(_folder.FullName, "data");

    private protected override Task<EngineUnderTest> CreateAsync(FakeTimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers) =>
        Task.FromResult<EngineUnderTest>(new MemoryEngineUnderTest(time, options, handlers[0], records: Open(), retention: retention));

    [Fact]
    public async Task A_record_that_was_answered_is_there_after_a_restart()
    {
        var first = Open();
        await first.PutAsync("revoked-client", "amy", "since then");
        await first.PutAsync("revoked-token", "t1", "", Time.GetUtcNow() + TimeSpan.FromDays(1));
        first.Dispose();

        var second = Open();
        (await second.ReadAsync("revoked-client", "amy")).Should().Be("since then");
        (await second.ListAsync("revoked-token")).Should().ContainSingle();
        second.IsDurable.Should().BeTrue();
    }

    [Fact]
    public async Task Nothing_is_made_until_there_is_something_to_keep_and_then_for_its_owner_alone()
    {
        var records = Open();
        (await records.ReadAsync("key", "a")).Should().BeNull();
        (await records.TakeAsync("key", "a")).Should().BeNull();
        (await records.ListAsync("key")).Should().BeEmpty();
        Directory.Exists(Data).Should().BeFalse();

        await records.PutAsync("key", "a", "v");

        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(Data).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (var file in Directory.GetFiles(Data))
            {
                File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_thousand_changes_at_once_are_all_kept_and_those_of_one_record_in_their_order()
    {
        var records = Open();

        await Task.WhenAll(Enumerable.Range(0, 1_000).Select(i => records.PutAsync("key", $"{i % 10}", $"{i}").AsTask()));

        (await records.ListAsync("key")).Select(r => r.Value).Should().Equal(Enumerable.Range(990, 10).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_waits_for_the_disk_is_bounded_for_each_kind_and_what_was_taken_is_kept()
    {
        using var open = new ManualResetEventSlim();
        var records = Open(_ => open.Wait(), new() { RecordsWaiting = 10 });

        Task[] locks = [.. Enumerable.Range(0, 30).Select(i => records.PutAsync("lock", $"{i}", "").AsTask())];
        var revocation = records.PutAsync("revoked-client", "amy", "").AsTask();
        open.Set();

        await revocation;
        await Task.WhenAll(locks).ContinueWith(_ => { }, TaskScheduler.Default);
        var refused = locks.Where(l => l.IsFaulted).ToArray();
        refused.Should().NotBeEmpty().And.OnlyContain(l => ((DuplexityException)l.Exception!.InnerException!).Error.Limit == "records_waiting");
        (await records.ListAsync("lock")).Should().HaveCount(30 - refused.Length);
    }

    public void Dispose()
    {
        _opened.ForEach(records => records.Dispose());
        _folder.Delete(recursive: true);
    }

    private SqliteRecords Open(Action<SqliteConnection>? opened = null, LimitOptions? limits = null)
    {
        var records = new SqliteRecords(Data, Time, limits, opened);
        _opened.Add(records);
        return records;
    }
}
