using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    public async Task A_record_is_added_once_replaced_and_taken_once_whoever_asks()
    {
        await using var engine = await CreateAsync();
        var records = engine.Nodes[0].Records;

        (await records.TryAddAsync("key", "a", "first")).Should().BeTrue();
        (await engine.Nodes[^1].Records.TryAddAsync("key", "a", "second")).Should().BeFalse();
        (await records.ReadAsync("key", "a")).Should().Be("first");
        await records.PutAsync("key", "a", "third");
        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => Task.Run(async () => await engine.Nodes[n % engine.Nodes.Count].Records.TakeAsync("key", "a"))));

        taken.Where(v => v is not null).Should().Equal("third");
        (await records.ReadAsync("key", "a")).Should().BeNull();
        (await records.TakeAsync("key", "never")).Should().BeNull();
    }

    [Fact]
    public async Task Of_several_that_add_a_record_at_once_one_succeeds()
    {
        await using var engine = await CreateAsync();

        var added = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => Task.Run(async () => await engine.Nodes[n % engine.Nodes.Count].Records.TryAddAsync("key", "a", $"{n}"))));

        added.Count(a => a).Should().Be(1);
    }

    [Fact]
    public async Task Of_several_that_replace_the_same_record_at_once_one_succeeds_and_none_replaces_what_it_has_not_seen()
    {
        await using var engine = await CreateAsync();
        var records = engine.Nodes[0].Records;
        (await records.TryReplaceAsync("key", "a", "", "never")).Should().BeFalse("there is none");
        await records.PutAsync("key", "a", "first", Time.GetUtcNow() + TimeSpan.FromSeconds(30));

        var replaced = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => Task.Run(async () => await engine.Nodes[n % engine.Nodes.Count].Records.TryReplaceAsync("key", "a", "first", $"{n}"))));

        replaced.Count(r => r).Should().Be(1);
        Time.Advance(TimeSpan.FromSeconds(30));
        (await records.ReadAsync("key", "a")).Should().Be($"{Array.IndexOf(replaced, true)}", "the new one does not expire");
        await records.PutAsync("key", "a", "short", Time.GetUtcNow() + TimeSpan.FromSeconds(30));
        Time.Advance(TimeSpan.FromSeconds(30));
        (await records.TryReplaceAsync("key", "a", "short", "late")).Should().BeFalse("it is over");
    }

    [Fact]
    public async Task Of_several_that_take_what_they_have_read_at_once_one_succeeds_and_what_is_there_instead_stays()
    {
        await using var engine = await CreateAsync();
        var records = engine.Nodes[0].Records;
        (await records.TryTakeAsync("key", "a", "never")).Should().BeFalse("there is none");
        await records.PutAsync("key", "a", "first");

        var taken = await Task.WhenAll(Enumerable.Range(0, 16).Select(n => Task.Run(async () => await engine.Nodes[n % engine.Nodes.Count].Records.TryTakeAsync("key", "a", "first"))));

        taken.Count(t => t).Should().Be(1);
        (await records.ReadAsync("key", "a")).Should().BeNull();
        (await records.ListAsync("key")).Should().BeEmpty();
        (await records.TryAddAsync("key", "a", "second")).Should().BeTrue("its key is free again");
        (await records.TryTakeAsync("key", "a", "first")).Should().BeFalse();
        (await records.ReadAsync("key", "a")).Should().Be("second");
    }

    [Fact]
    public async Task A_record_is_gone_at_its_expiry_and_its_key_is_free_again()
    {
        await using var engine = await CreateAsync();
        var records = engine.Nodes[0].Records;
        await records.PutAsync("key", "short", "v", Time.GetUtcNow() + TimeSpan.FromSeconds(30));
        await records.PutAsync("key", "taken", "v", Time.GetUtcNow() + TimeSpan.FromSeconds(30));
        await records.PutAsync("key", "long", "v");

        Time.Advance(TimeSpan.FromSeconds(30));

        (await records.ReadAsync("key", "short")).Should().BeNull();
        (await records.TakeAsync("key", "taken")).Should().BeNull();
        (await records.ListAsync("key")).Select(r => r.Key).Should().Equal("long");
        (await records.TryAddAsync("key", "short", "again")).Should().BeTrue();
    }

    [Fact]
    public async Task Records_are_listed_by_kind_in_ordinal_order_with_keys_compared_byte_for_byte()
    {
        await using var engine = await CreateAsync();
        var records = engine.Nodes[0].Records;
        foreach (var key in (string[])["b", "B", "a", "é", "e\u0301"])
        {
            await records.PutAsync("key", key, "of " + key);
        }

        await records.PutAsync("other", "z", "");

        (await records.ListAsync("key")).Select(r => r.Key).Should().Equal("B", "a", "b", "e\u0301", "é");
        (await records.ReadAsync("key", "b")).Should().Be("of b");
    }
}
