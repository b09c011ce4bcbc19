using System.Net;
using Duplexity.Server.Tests.Tunnels.Gates;
using FluentAssertions;
using Duplexity.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Visitor gates where visitors are at one node and the pipe's client at another.</summary>
public sealed class RedisVisitorTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G8")]
    public async Task What_an_owner_hands_out_at_one_node_holds_at_the_other_until_it_is_withdrawn()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var rig = await GateRig.StartAsync(() => Task.FromResult(pair.B), isOfTestIssuer: true);
        await using var pipe = await rig.OpenAsync("bearer,granted,link");
        var link = (await pipe.CreateLinkAsync().Soon()).Url.Query;
        async Task<HttpStatusCode> AtAAsync(string target, string? client)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, new Uri(pair.A.Listening, target));
            request.Headers.Authorization = client is null ? null : new("Bearer", pair.A.Token(client));
            using var answer = await pair.A.VisitAsync("cat1", request).Soon();
            return answer.StatusCode;
        }

        (await AtAAsync("/", "bob")).Should().Be(HttpStatusCode.Forbidden);
        (await AtAAsync($"/{link}", null)).Should().Be(HttpStatusCode.OK);

        await rig.Owner.Pipes.GrantAsync("cat1", "bob").Soon();
        (await AtAAsync("/", "bob")).Should().Be(HttpStatusCode.OK);
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(pair.A.Listening, "/stream")) { Headers = { Authorization = new("Bearer", pair.A.Token("bob")) } };
        using var download = await pair.A.VisitAsync("cat1", request).Soon();
        var stream = await download.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[5]).AsTask().Soon();

        await rig.Owner.Pipes.WithdrawAsync("cat1", "bob").Soon();

        await FluentActions.Awaiting(() => stream.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
        (await AtAAsync("/", "bob")).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G8")]
    public async Task A_password_that_is_changed_at_one_node_is_over_at_the_other_with_what_it_had_opened()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var rig = await GateRig.StartAsync(() => Task.FromResult(pair.B), isOfTestIssuer: true);
        await using var pipe = await rig.OpenAsync("basic:bob:correct-horse");
        using var download = await AtAAsync("/stream", "correct-horse");
        var stream = await download.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[5]).AsTask().Soon();

        await using var changed = await pipe.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["basic:bob:battery-staple"] }).Soon();

        // With the answer, though A remembers for 5 s what it has found.
        using var old = await AtAAsync("/", "correct-horse");
        old.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        using var now = await AtAAsync("/", "battery-staple");
        now.StatusCode.Should().Be(HttpStatusCode.OK);
        await FluentActions.Awaiting(() => stream.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();

        Task<HttpResponseMessage> AtAAsync(string target, string password)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, new Uri(pair.A.Listening, target));
            GateRig.Basic("bob", password)(request);
            return pair.A.VisitAsync("cat1", request).Soon();
        }
    }
}
