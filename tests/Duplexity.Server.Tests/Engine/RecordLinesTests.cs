using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>Changes of records that wait for the disk: each kind has its turn and its own room (G8, G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class RecordLinesTests
{
    private readonly LimitOptions _limits = new();

    [Fact]
    [Trait("Guarantee", "G8")]
    public void A_revocation_goes_with_the_next_commit_however_many_locks_wait()
    {
        var lines = new RecordLines(_limits);
        for (var i = 0; i < _limits.RecordsWaiting; i++)
        {
            lines.Add(Work("lock", 10));
        }

        var revocation = Work("revoked-client", 10);
        lines.Add(revocation);

        var batch = lines.Take();
        batch.Should().Contain(revocation);
        batch.Count.Should().BeLessThan(_limits.RecordsWaiting, "a commit is short");
    }

    [Fact]
    public void Changes_of_one_kind_keep_their_order_over_all_batches_and_none_is_lost()
    {
        var lines = new RecordLines(_limits);
        RecordWork[] all = [.. Enumerable.Range(0, 1_500).Select(i => Work("lock", i))];
        foreach (var work in all)
        {
            lines.Add(work);
            lines.Add(Work("room", 1));
        }

        var taken = new List<RecordWork>();
        while (lines.Take() is { Count: > 0 } batch)
        {
            taken.AddRange(batch);
        }

        taken.Where(w => w.Line == "lock").Should().Equal(all);
        taken.Should().HaveCount(3_000);
    }

    [Theory]
    [InlineData(2, 1_000_000, "records_waiting", 2)]
    [InlineData(1_000, 100, "record_bytes_waiting", 120)]
    public void A_full_line_refuses_its_own_kind_by_name_of_the_limit_and_no_other_until_there_is_room(int most, int mostBytes, string limit, int used)
    {
        (_limits.RecordsWaiting, _limits.RecordBytesWaiting) = (most, mostBytes);
        var lines = new RecordLines(_limits);
        lines.Add(Work("dead-letter:amy", 60));
        lines.Add(Work("dead-letter:ben", 60));

        FluentActions.Invoking(() => lines.Add(Work("dead-letter:cleo", 1))).Should().Throw<DuplexityException>()
            .Which.Error.Should().BeEquivalentTo(new { Errors.Unavailable.Code, Limit = limit, Used = (long)used });
        lines.Add(Work("revoked-client", 60));

        lines.Take().Should().HaveCount(3);
        lines.Add(Work("dead-letter:cleo", 1));
    }

    private static RecordWork Work(string kind, int bytes) => new RecordWork<bool>(kind, bytes, _ => true);
}
