using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Api;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>What administrators do by HTTP with what others listen to.</summary>
[Trait("Requirement", "1.25")]
public sealed class ApiPlacingTests(ApiHost host) : IClassFixture<ApiHost>
{
    private static readonly (string, object) AsAdmin = ("role", "admin");
    private readonly ApiUnderTest _api = new(host.Node);

    [Fact]
    public async Task An_administrator_puts_a_client_into_a_room_and_takes_it_out_and_the_sockets_are_told()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "placed");
        await using var amy = await StockSocket.DataAsync(host.Node, "placer");
        var (joined, left) = (ben.Hear<JoinedEvent>("Joined"), ben.Hear<LeftEvent>("Left"));

        var first = await PutAsync("clients/placed/channels/room:placing", "root", AsAdmin);
        var again = await PutAsync("clients/placed/channels/room:placing", "root", AsAdmin);
        (await joined.ReadAsync().Soon()).Should().BeEquivalentTo(new { Channel = "room:placing", Client = "placed" });
        await amy.SendAsync("hi", "room:placing");
        var heard = await ben.NextAsync();
        var ended = await DeleteAsync("clients/placed/channels/room:placing?reason=enough%07", "root", AsAdmin);
        var told = await left.ReadAsync().Soon();
        var nothing = await DeleteAsync("clients/placed/channels/room:placing", "root", AsAdmin);

        (first.Read<ApiPlacedResponse>().Sockets, again.Read<ApiPlacedResponse>().Sockets).Should().Be((1, 0));
        heard.Text.Should().Be("hi");
        (ended.Read<ApiPlacedResponse>().Sockets, nothing.Read<ApiPlacedResponse>().Sockets).Should().Be((1, 0));
        (told.Channel, told.Client, told.Reason).Should().Be(("room:placing", "placed", VisibleText.Of("enough\u0007")));
        await amy.SendAsync("after", "room:placing");
        await ben.SettleAsync(amy);
        ben.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task Nobody_places_whom_it_may_not_administer_or_where_it_may_not_join_itself()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "mover-ben");
        await ben.JoinAsync("room:stays");
        (string, object) some = ("duplexity", new { administer = new[] { "client:mover-*" }, join = new[] { "room:halls-*" } });

        var own = await PutAsync("clients/mover-ben/channels/room:stays-not", "mover-ben");
        var others = await PutAsync("clients/mover-ben/channels/room:stays-not", "ivy");
        var taken = await DeleteAsync("clients/mover-ben/channels/room:stays", "ivy");
        var unknown = await PutAsync("clients/nobody-there/channels/room:stays-not", "ivy");
        var beyond = await PutAsync("clients/mover-ben/channels/room:secret", "warden", some);
        var within = await PutAsync("clients/mover-ben/channels/room:halls-1", "warden", some);

        foreach (var refused in (ApiAnswer[])[own, others, taken, unknown])
        {
            (refused.Status, refused.Code).Should().Be((HttpStatusCode.Forbidden, 200));
        }

        (beyond.Status, beyond.Code).Should().Be((HttpStatusCode.Forbidden, 203));
        within.Read<ApiPlacedResponse>().Sockets.Should().Be(1);
        (await _api.GetAsync("sockets", "mover-ben")).Read<ListSocketsResponse>().Sockets!.Single().Channels.Should().Contain(["room:stays", "room:halls-1"]).And.NotContain(["room:stays-not", "room:secret"]);
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task Nobody_places_a_client_where_what_holds_there_lets_neither_of_them_in()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Rooms["board"] = new() { Join = ["role:board"] });
        await using var bot = await StockSocket.DataAsync(node, "bot-1");
        var api = new ApiUnderTest(node);
        (string, object) some = ("duplexity", new { administer = new[] { "client:bot-*" }, join = new[] { "room:*" } });

        var outsider = await api.SendAsync(HttpMethod.Put, "clients/bot-1/channels/room:board", node.Token("warden", null, some));
        var member = await api.SendAsync(HttpMethod.Put, "clients/bot-1/channels/room:board", node.Token("chair", null, some, ("role", "board")));

        (outsider.Status, outsider.Code).Should().Be((HttpStatusCode.Forbidden, 203));
        member.Read<ApiPlacedResponse>().Sockets.Should().Be(1);
    }

    [Theory]
    [InlineData("clients/placed/channels/client:placed", 102)]
    [InlineData("clients/placed/channels/socket:x", 102)]
    [InlineData("clients/placed/channels/feed:placed", 102)]
    [InlineData("clients/placed/channels/nonsense", 103)]
    public async Task What_cannot_be_listened_to_so_is_refused_as_wrong(string path, int code)
    {
        foreach (var answer in (ApiAnswer[])[await PutAsync(path, "root", AsAdmin), await DeleteAsync(path, "root", AsAdmin)])
        {
            (answer.Status, answer.Code).Should().Be((HttpStatusCode.BadRequest, code));
        }
    }

    private Task<ApiAnswer> PutAsync(string path, string client, params (string Name, object Value)[] claims) => _api.SendAsync(HttpMethod.Put, path, host.Node.Token(client, null, claims));

    private Task<ApiAnswer> DeleteAsync(string path, string client, params (string Name, object Value)[] claims) => _api.SendAsync(HttpMethod.Delete, path, host.Node.Token(client, null, claims));
}
