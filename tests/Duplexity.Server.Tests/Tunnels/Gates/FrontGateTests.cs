using System.Net;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Tests.Redis;
using Duplexity.Server.Tunnels;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>What a front takes out of a visitor's request, and what it is told of pipes.</summary>
public sealed class FrontGateTests
{
    [Theory]
    [InlineData("ip:127.0.0.0/8")]
    [InlineData("public")]
    [Trait("Guarantee", "G5")]
    [Trait("Guarantee", "G15")]
    public async Task What_was_said_to_gates_reaches_no_resource_by_way_of_a_front(string visitors)
    {
        await using var all = await StartAsync();
        await using var pipe = await all.Rig.OpenAsync(visitors);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(all.Front.Listening, "/a?x=1&duplexity-link=secret&duplexity-code=secret&y=2"));
        foreach (var (name, value) in new[]
        {
            ("Cookie", "a=1; __Host-duplexity-visitor=secret; duplexity-link=secret; duplexity-sign-in=secret; duplexity-sticky=secret; b=2"),
            ("Duplexity-Identity", "forged"), ("duplexity_client", "forged"), ("DUPLEXITY-Replayed", "forged"),
        })
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await all.Front.VisitAsync("cat1", request).Soon();

        answer.StatusCode.Should().Be(HttpStatusCode.OK);
        var seen = await answer.Content.ReadAsStringAsync();
        seen.Should().StartWith("GET /a?x=1&y=2\n").And.Contain("Cookie: a=1; b=2\n").And.NotContain("secret").And.NotContain("forged");
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("signed-in", false)]
    [InlineData("nonsense", false)]
    [InlineData("ip:10.0.0.0/8,bearer", false)]
    [InlineData("ip:127.0.0.1", true)]
    [InlineData("signed-in,public", true)]
    [Trait("Guarantee", "G18")]
    public async Task A_front_that_cannot_read_who_may_visit_lets_nobody_in(string? visitors, bool lets)
    {
        await using var all = await StartAsync();
        var entry = Entries.Of(new() { Visitors = visitors });

        all.Front.Services.GetRequiredService<IVisitorEntrance>().Lets(IPAddress.Loopback, entry).Should().Be(lets);
    }

    [Theory]
    [InlineData("signed-in")]
    [InlineData("basic:bob:correct-horse,link")]
    [InlineData(null)]
    [Trait("Guarantee", "G18")]
    public async Task A_pipe_that_asks_who_visits_and_a_private_one_are_not_there_for_a_front(string? visitors)
    {
        await using var all = await StartAsync();
        await using var pipe = visitors is null
            ? await all.Rig.Owner.Pipes.OpenAsync("db", "tcp://127.0.0.1:9", new PipeOptions { Private = true, Visitors = ["signed-in"] }).Soon()
            : await all.Rig.OpenAsync(visitors);
        var name = visitors is null ? "amy/db" : "cat1.localhost";
        var entry = (await all.Rig.Node.Services.GetRequiredService<IEngine>().Registry.ReadAsync(name))!;

        (await all.LocateAsync(name, isExact: false)).GetArrayLength().Should().Be(0);
        (await all.LocateAsync(name, isExact: true)).GetArrayLength().Should().Be(0);
        var (carry, nothing) = (await all.CarryAsync(entry), await all.CarryAsync(entry with { Name = "nothing.localhost" }));
        (carry.Failure, carry).Should().Be((CarryFailure.Elsewhere, nothing));
        (await all.AskAsync<PipeEntry[], bool[]>(ConfirmCall.Word, [entry])).Should().Equal(false);
        if (visitors is not null)
        {
            using var answer = await all.Front.VisitAsync("cat1").Soon();
            answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    [Trait("Guarantee", "G18")]
    public async Task What_a_front_is_told_of_a_pipe_is_what_serving_its_visitors_takes_and_no_secret()
    {
        await using var all = await StartAsync();
        await using var pipe = await all.Rig.Owner.Pipes.OpenAsync("cat1", all.Rig.Resource, new PipeOptions
        {
            Visitors = ["ip:127.0.0.1", "basic:bob:correct-horse", "client:carl"],
            Inspect = true,
            Share = true,
            Sticky = true,
            Limits = new VisitorLimits { Concurrent = 9 },
            RequestHeaders = [new() { Name = "X-A", Value = "b" }],
        }).Soon();
        await using var orders = await all.Rig.Owner.Pipes.OpenAsync("orders", "room:orders", new PipeOptions { Reply = TimeSpan.FromSeconds(5) }).Soon();

        var told = (await all.LocateAsync("cat1.localhost", isExact: false))[0];
        var toldOfOrders = await all.LocateAsync("orders.localhost", isExact: true);

        Set(told).Should().BeEquivalentTo("Name", "Client", "Session", "Generation", "Node", "Resource", "Revision", "HostHeader", "Url", "Settings");
        Set(told.GetProperty("Settings")).Should().BeEquivalentTo("Visitors", "Share", "Sticky", "RequestHeaders", "Limits");
        told.GetProperty("Settings").GetProperty("Visitors").GetString().Should().Be("ip:127.0.0.1/32");
        Set(toldOfOrders[0]).Should().NotContain("Grant");
        (told.ToString() + toldOfOrders).Should().NotContainAny("pbkdf2", "bob", "carl", "IssuedAt");
        using var answer = await all.Front.VisitAsync("cat1").Soon();
        answer.StatusCode.Should().Be(HttpStatusCode.OK, "it serves with what it was told");
        (await answer.Content.ReadAsStringAsync()).Should().Contain("X-A: b");
    }

    [Fact]
    [Trait("Guarantee", "G18")]
    public async Task A_front_tells_an_owner_of_visits_to_the_pipes_that_it_may_have_and_of_no_others()
    {
        await using var all = await StartAsync();
        var options = new PipeOptions { Exchanges = true };
        await using var gated = await all.Rig.Owner.Pipes.OpenAsync("cat1", all.Rig.Resource, options with { Visitors = ["signed-in"] }).Soon();
        await using var open = await all.Rig.Owner.Pipes.OpenAsync("cat2", all.Rig.Resource, options).Soon();
        var session = (await all.Rig.Node.Services.GetRequiredService<IEngine>().Registry.ReadAsync("cat2.localhost"))!.Session;
        var (ofGated, ofOpen) = (gated.Exchanges.GetAsyncEnumerator(), open.Exchanges.GetAsyncEnumerator());
        ExchangeInfo[] said = [new() { Pipe = "cat1.localhost", Target = "/made-up" }, new() { Pipe = "cat2.localhost", Target = "/seen" }];

        await all.AskAsync<ExchangesQuestion, bool>(ExchangesCall.Word, new("amy", session, new() { Exchanges = said }));

        (await ofOpen.MoveNextAsync().AsTask().Soon()).Should().BeTrue();
        ofOpen.Current.Target.Should().Be("/seen");
        ofGated.MoveNextAsync().IsCompleted.Should().BeFalse("it stood before the other one");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Guarantee", "G18")]
    public async Task A_pipe_that_begins_to_ask_who_visits_is_gone_from_a_front_when_the_change_is_answered()
    {
        await using var all = await StartAsync();
        await using var pipe = await all.Rig.OpenAsync("public");
        using (var before = await all.Front.VisitAsync("cat1").Soon())
        {
            before.StatusCode.Should().Be(HttpStatusCode.OK);
        }

        await using var changed = await all.Rig.OpenAsync("signed-in");

        using var after = await all.Front.VisitAsync("cat1").Soon();
        after.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    /// <summary>The members that say something.</summary>
    private static string[] Set(JsonElement told) =>
        [.. told.EnumerateObject().Where(p => p.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False) && p.Value.ToString() is not ("" or "0001-01-01T00:00:00+00:00")).Select(p => p.Name)];

    private static async Task<NodeAndFront> StartAsync()
    {
        var rig = await GateRig.StartAsync(s => s.Settings["Duplexity:Cluster:FrontKey"] = RedisFront.Key);
        return new(rig, await RedisFront.StartAsync([rig.Node]));
    }

    private sealed record NodeAndFront(GateRig Rig, TestNode Front) : IAsyncDisposable
    {
        public Task<JsonElement> LocateAsync(string name, bool isExact) => AskAsync<LocateQuestion, JsonElement>("locate", new(name, isExact));

        public Task<CarryAnswer> CarryAsync(PipeEntry entry) => AskAsync<CarryQuestion, CarryAnswer>(CarryCall.Word, new(entry, "ticket"));

        /// <summary>Asks the node with the key that the front has.</summary>
        public Task<TAnswer> AskAsync<TQuestion, TAnswer>(string word, TQuestion question) =>
            Front.Services.GetRequiredService<NodeCalls>().AskAsync<TQuestion, TAnswer>(RedisFront.Book(Front).Others.Single(), word, question, CancellationToken.None).Soon();

        public async ValueTask DisposeAsync()
        {
            await Front.DisposeAsync();
            await Rig.DisposeAsync();
        }
    }
}
