using System.Net;
using Duplexity.Server.Auth;
using Duplexity.Server.Engine;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>The keys that the service signs its own tokens with change, and cut nobody off (G18).</summary>
public sealed class SigningKeyTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly string _folder = Directory.CreateTempSubdirectory("duplexity-test-").FullName;
    private readonly SqliteRecords _records;

    public SigningKeyTests() => _records = new(_folder, _time);

    public void Dispose()
    {
        _records.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    [Trait("Requirement", "1.3")]
    [Trait("Guarantee", "G18")]
    public async Task After_ninety_days_another_key_signs_and_tokens_of_the_one_before_are_good_until_they_end()
    {
        await using var node = await StartAsync();
        _time.Advance(TimeSpan.FromDays(89.75));
        (await LookAsync(node)).Should().HaveCount(1);
        var old = Token(node);

        _time.Advance(TimeSpan.FromHours(6.5));
        (await LookAsync(node)).Should().HaveCount(2);
        Token(node).Kid.Should().Be(old.Kid, "the new one is to be known everywhere first");
        _time.Advance(TimeSpan.FromHours(2));
        var young = Token(node);

        young.Kid.Should().NotBe(old.Kid);
        (await WhoAsync(node, old)).Should().Be("amy");
        (await WhoAsync(node, young)).Should().Be("amy");
        _time.Advance(old.ValidTo - _time.GetUtcNow().UtcDateTime - TimeSpan.FromSeconds(1));
        (await WhoAsync(node, old)).Should().Be("amy", "to its last second");
        _time.Advance(TimeSpan.FromSeconds(1));
        (await WhoAsync(node, old)).Should().BeNull();
        (await WhoAsync(node, young)).Should().Be("amy");
    }

    [Fact]
    [Trait("Requirement", "1.3")]
    [Trait("Guarantee", "G18")]
    public async Task A_restart_in_between_changes_nothing_and_at_last_a_key_is_let_go()
    {
        JsonWebToken old, young;
        await using (var first = await StartAsync())
        {
            _time.Advance(TimeSpan.FromDays(89.5));
            old = Token(first);
        }

        _time.Advance(TimeSpan.FromDays(0.6));
        await using (var second = await StartAsync())
        {
            (await LookAsync(second)).Should().HaveCount(2);
            (await WhoAsync(second, old)).Should().Be("amy");
            Token(second).Kid.Should().Be(old.Kid);
        }

        _time.Advance(TimeSpan.FromHours(3));
        await using (var third = await StartAsync())
        {
            young = Token(third);
            young.Kid.Should().NotBe(old.Kid);
            (await WhoAsync(third, old)).Should().Be("amy");
            (await WhoAsync(third, young)).Should().Be("amy");
        }

        // Nobody is there for longer than a key lives: the first one is gone, and what signs is not one that is about to go.
        _time.Advance(TimeSpan.FromDays(92));
        await using var last = await StartAsync();
        (await LookAsync(last)).Should().NotContain(old.Kid).And.Contain(young.Kid);
        (await WhoAsync(last, Token(last))).Should().Be("amy");
    }

    [Fact]
    [Trait("Guarantee", "G18")]
    public async Task Two_processes_over_the_same_records_take_each_others_tokens_whichever_draws_the_next_key()
    {
        await using var one = await StartAsync();
        using var others = new SqliteRecords(_folder, _time);
        await using var other = await StartAsync(others);
        (await WhoAsync(other, Token(one))).Should().Be("amy");

        // One draws; the other has not looked yet.
        _time.Advance(TimeSpan.FromDays(91));
        await Task.WhenAll(LookAsync(one), LookAsync(one));
        (await WhoAsync(other, Token(one))).Should().Be("amy");
        _time.Advance(TimeSpan.FromHours(3));
        await LookAsync(other);

        Token(one).Kid.Should().Be(Token(other).Kid);
        (await WhoAsync(other, Token(one))).Should().Be("amy");
        (await WhoAsync(one, Token(other))).Should().Be("amy");
    }

    private static JsonWebToken Token(AuthNode node) => new(node.Tokens.Create("amy", TimeSpan.FromHours(24)));

    private static async Task<string?> WhoAsync(AuthNode node, JsonWebToken token) =>
        await node.GetAsync("/data", token.EncodedToken) is { Status: HttpStatusCode.OK, Body: var client } ? client : null;

    private static async Task<IEnumerable<string>> LookAsync(AuthNode node)
    {
        var keys = node.Services.GetRequiredService<OwnKeys>();
        await keys.LookAsync(default);
        return (await keys.FindAsync(null, default)).Select(k => k.KeyId);
    }

    private Task<AuthNode> StartAsync(IRecords? records = null) => AuthNode.StartAsync(
        o => (o.Data, o.Auth.Keys["app"]) = (_folder, new() { Issuer = AuthNode.AppIssuer, Secret = AuthNode.AppSecret, Prefix = "app-" }),
        "Production",
        _time,
        records: records ?? _records);
}
