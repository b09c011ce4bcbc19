using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G14")]
    public async Task A_secret_is_taken_once_whoever_asks_and_wherever()
    {
        await using var engine = await CreateAsync();
        for (var i = 0; i < 50; i++)
        {
            (await engine.Nodes[0].Vault.TryAddAsync($"ticket{i}", "value", TimeSpan.FromSeconds(30))).Should().BeTrue();

            var taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(n => Task.Run(async () => await engine.Nodes[n % engine.Nodes.Count].Vault.TakeAsync($"ticket{i}"))));

            taken.Where(v => v is not null).Should().Equal("value");
        }
    }

    [Fact]
    [Trait("Guarantee", "G14")]
    public async Task A_key_that_is_there_is_not_added_again_until_it_has_expired()
    {
        await using var engine = await CreateAsync();
        var vault = engine.Nodes[0].Vault;
        (await vault.TryAddAsync("ticket", "first", TimeSpan.FromSeconds(30))).Should().BeTrue();
        Time.Advance(TimeSpan.FromSeconds(29));
        (await engine.Nodes[^1].Vault.TryAddAsync("ticket", "second", TimeSpan.FromSeconds(30))).Should().BeFalse();
        Time.Advance(TimeSpan.FromSeconds(1));
        (await vault.TryAddAsync("ticket", "third", TimeSpan.FromSeconds(30))).Should().BeTrue();
        (await vault.TakeAsync("ticket")).Should().Be("third");
    }

    [Fact]
    [Trait("Guarantee", "G14")]
    public async Task An_expired_secret_is_gone_and_an_old_expiry_does_not_end_a_new_secret()
    {
        await using var engine = await CreateAsync();
        var vault = engine.Nodes[0].Vault;
        await vault.TryAddAsync("gone", "value", TimeSpan.FromSeconds(30));
        await vault.TryAddAsync("again", "short", TimeSpan.FromSeconds(30));
        await vault.TakeAsync("again");
        await vault.TryAddAsync("again", "long", TimeSpan.FromSeconds(90));

        Time.Advance(TimeSpan.FromSeconds(30));

        (await vault.TakeAsync("gone")).Should().BeNull();
        (await vault.TakeAsync("again")).Should().Be("long");
        (await vault.TakeAsync("never there")).Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    public async Task Of_many_who_replace_a_secret_at_once_one_does_and_its_expiry_stays_what_it_was()
    {
        await using var engine = await CreateAsync();
        var vault = engine.Nodes[0].Vault;
        (await vault.TryReplaceAsync("sign-in", "0", "1")).Should().BeFalse("nothing is there");
        await vault.TryAddAsync("sign-in", "0", TimeSpan.FromSeconds(30));
        for (var i = 0; i < 20; i++)
        {
            var replaced = await Task.WhenAll(Enumerable.Range(0, 4).Select(n => Task.Run(async () => await engine.Nodes[n % engine.Nodes.Count].Vault.TryReplaceAsync("sign-in", $"{i}", $"{i + 1}"))));
            replaced.Count(r => r).Should().Be(1);
        }

        Time.Advance(TimeSpan.FromSeconds(29));
        (await engine.Nodes[^1].Vault.ReadAsync("sign-in")).Should().Be("20");
        (await vault.TryReplaceAsync("sign-in", "20", "with spaces and ü")).Should().BeTrue();
        (await engine.Nodes[^1].Vault.ReadAsync("sign-in")).Should().Be("with spaces and ü");
        Time.Advance(TimeSpan.FromSeconds(1));
        (await vault.ReadAsync("sign-in")).Should().BeNull();
        (await vault.TryReplaceAsync("sign-in", "with spaces and ü", "late")).Should().BeFalse();
    }
}
