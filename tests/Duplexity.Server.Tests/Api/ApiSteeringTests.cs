using System.Net;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>Sockets, pipes, tokens and clients by HTTP: one's own, or an administrator's everybody's.</summary>
public sealed class ApiSteeringTests(ApiHost host) : IClassFixture<ApiHost>
{
    private static readonly (string, object) AsAdmin = ("role", "admin");
    private readonly ApiUnderTest _api = new(host.Node);

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task A_client_lists_and_shows_its_own_sockets_and_sees_nobody_elses()
    {
        await using var mine = await StockSocket.DataAsync(host.Node, "ann");
        await mine.JoinAsync("room:listed");
        await using var theirs = await StockSocket.DataAsync(host.Node, "bob");

        var listed = await _api.GetAsync("sockets", "ann");
        var shown = await _api.GetAsync($"sockets/{mine.Id}", "ann");
        var foreign = await _api.GetAsync($"sockets/{theirs.Id}", "ann");
        var nothing = await _api.GetAsync("sockets/none", "ann");
        var others = await _api.GetAsync("sockets?client=bob", "ann");

        listed.Read<ListSocketsResponse>().Sockets!.Select(s => s.SocketId).Should().Equal(mine.Id);
        shown.Read<ListSocketsResponse>().Sockets!.Single().Channels.Should().Contain("room:listed");
        (foreign.Status, foreign.Code).Should().Be((HttpStatusCode.Forbidden, 203));
        foreign.Body.ToString().Should().Be(nothing.Body.ToString());
        (others.Status, others.Code).Should().Be((HttpStatusCode.Forbidden, 200));
    }

    [Fact]
    [Trait("Requirement", "2.39")]
    public async Task An_administrator_sees_and_closes_anybodys_sockets_with_a_reason()
    {
        await using var cid = await StockSocket.DataAsync(host.Node, "cid");
        await using var dot = await StockSocket.DataAsync(host.Node, "dot");

        var all = await _api.GetAsync("sockets?client=*", "root", AsAdmin);
        var refused = await DeleteAsync($"sockets/{cid.Id}", "dot");
        var one = await DeleteAsync($"sockets/{cid.Id}?reason=enough%20now&blockMs=0", "root", AsAdmin);
        var client = await DeleteAsync("clients/dot/sockets?reason=all", "root", AsAdmin);
        var wrong = await DeleteAsync("clients/dot/sockets?blockMs=-1", "root", AsAdmin);

        all.Read<ListSocketsResponse>().Sockets!.Select(s => s.SocketId).Should().Contain([cid.Id, dot.Id]);
        (refused.Status, refused.Code).Should().Be((HttpStatusCode.Forbidden, 200));
        one.Read<ForceDisconnectResponse>().Sockets.Should().Be(1);
        client.Read<ForceDisconnectResponse>().Sockets.Should().Be(1);
        (await cid.Disconnected).Should().BeEquivalentTo(new { Code = 521, Reason = "enough now" });
        (await dot.Disconnected).Reason.Should().Be("all");
        (wrong.Status, wrong.Code).Should().Be((HttpStatusCode.BadRequest, 102));
    }

    [Fact]
    [Trait("Requirement", "2.39")]
    public async Task A_client_closes_its_own_socket_from_elsewhere()
    {
        await using var eve = await StockSocket.DataAsync(host.Node, "eve");

        var closed = await DeleteAsync($"sockets/{eve.Id}", "eve");

        closed.Read<ForceDisconnectResponse>().Sockets.Should().Be(1);
        (await eve.Disconnected).Code.Should().Be(521);
        (await DeleteAsync($"sockets/{eve.Id}", "eve")).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Public_pipes_are_listed_by_their_owner_and_by_an_administrator()
    {
        await using var node = await TestNode.StartAsync();
        var api = new ApiUnderTest(node);
        await using var todd = await node.ConnectAsync("todd");
        await using var pipe = await todd.Pipes.OpenAsync("cat1", "localhost:1");

        (await api.GetAsync("pipes", "todd")).Read<ListPipesResponse>().Pipes!.Select(p => (p.Name, p.State)).Should().Equal(("cat1.localhost", "serving"));
        (await api.GetAsync("pipes", "ben")).Read<ListPipesResponse>().Pipes.Should().BeEmpty();
        (await api.GetAsync("pipes?client=todd", "ben")).Status.Should().Be(HttpStatusCode.Forbidden);
        (await api.GetAsync("pipes?client=*", "root", AsAdmin)).Read<ListPipesResponse>().Pipes.Should().ContainSingle();
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task Explain_asks_the_gates_for_this_very_request_whatever_sockets_the_client_has()
    {
        await using var socket = await StockSocket.DataAsync(host.Node, "fay");
        (string, object) narrow = ("duplexity", new { send = new[] { "room:a" } });

        var narrowed = (await PostAsync("explain", "fay", """{"operation":"send","target":"room:b"}""", narrow)).Read<ExplainResponse>();
        var wide = (await PostAsync("explain", "fay", $$"""{"operation":"send","target":"room:b","socketId":"{{socket.Id}}"}""", narrow)).Read<ExplainResponse>();
        var foreign = await PostAsync("explain", "fay", """{"operation":"send","target":"room:b","client":"gus"}""");
        var unknown = await PostAsync("explain", "fay", """{"operation":"fly","target":"room:b"}""");

        narrowed.Allowed.Should().BeFalse();
        narrowed.Gates!.Single(g => g.Error is not null).Gate.Should().Be("scope");
        wide.Allowed.Should().BeTrue();
        foreign.Status.Should().Be(HttpStatusCode.Forbidden);
        (unknown.Status, unknown.Code).Should().Be((HttpStatusCode.BadRequest, 102));
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Guarantee", "G8")]
    public async Task A_revocation_is_in_force_when_its_answer_comes()
    {
        await using var hal = await StockSocket.DataAsync(host.Node, "hal");
        var token = host.Node.Token("hal");

        var refused = await PostAsync("revocations", "ivy", """{"client":"hal"}""");
        var both = await PostAsync("revocations", "root", """{"client":"hal","tokenId":"x"}""", AsAdmin);
        var revoked = await PostAsync("revocations", "root", """{"client":"hal"}""", AsAdmin);

        (refused.Status, both.Status).Should().Be((HttpStatusCode.Forbidden, HttpStatusCode.BadRequest));
        revoked.Read<RevokeResponse>().Should().BeEquivalentTo(new { Connections = 1, Pending = 0 });
        (await _api.SendAsync(HttpMethod.Get, "sockets", token)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await hal.Disconnected).Code.Should().Be(522);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_client_is_disabled_and_enabled_by_an_administrator_only()
    {
        var refused = await PostAsync("clients/jim/disable", "ivy", "");
        var disabled = await PostAsync("clients/jim/disable", "root", "", AsAdmin);
        var away = await _api.GetAsync("sockets", "jim");
        var enabled = await PostAsync("clients/jim/enable", "root", "{}", AsAdmin);
        var extra = await PostAsync("clients/jim/enable", "root", """{"client":"jim"}""", AsAdmin);
        var itself = await PostAsync("clients/chief/disable", "chief", "", AsAdmin);

        refused.Status.Should().Be(HttpStatusCode.Forbidden);
        disabled.Status.Should().Be(HttpStatusCode.OK);
        away.Status.Should().Be(HttpStatusCode.Unauthorized);
        enabled.Status.Should().Be(HttpStatusCode.OK);
        extra.Sentence.Should().Contain("$.client");
        (itself.Status, itself.Code).Should().Be((HttpStatusCode.BadRequest, 102));
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Guarantee", "G8")]
    public async Task A_client_is_removed_for_good_by_an_administrator_only()
    {
        await using var kim = await StockSocket.DataAsync(host.Node, "kim");

        var refused = await DeleteAsync("clients/kim", "ivy");
        var itself = await DeleteAsync("clients/root", "root", AsAdmin);
        var removed = await DeleteAsync("clients/kim", "root", AsAdmin);
        var again = await DeleteAsync("clients/kim", "root", AsAdmin);
        var back = await PostAsync("clients/kim/enable", "root", "", AsAdmin);
        var token = await PostAsync("tokens", "root", """{"client":"kim"}""", AsAdmin);

        (refused.Status, refused.Code).Should().Be((HttpStatusCode.Forbidden, 200));
        (itself.Status, itself.Code).Should().Be((HttpStatusCode.BadRequest, 102));
        removed.Read<RevokeResponse>().Should().BeEquivalentTo(new { Connections = 1, Pending = 0, Error = (DuplexityError?)null });
        again.Read<RevokeResponse>().Connections.Should().Be(0);
        (back.Code, token.Code).Should().Be((205, 205));
        (await _api.GetAsync("sockets", "kim")).Status.Should().Be(HttpStatusCode.Unauthorized);
        await kim.Disconnected;
    }

    private Task<ApiAnswer> PostAsync(string path, string client, string body, params (string Name, object Value)[] claims) => _api.SendAsync(
        HttpMethod.Post, path, host.Node.Token(client, null, claims), body.Length == 0 ? null : new StringContent(body, Encoding.UTF8, "application/json"));

    private Task<ApiAnswer> DeleteAsync(string path, string client, params (string Name, object Value)[] claims) => _api.SendAsync(HttpMethod.Delete, path, host.Node.Token(client, null, claims));
}
