using System.Net;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>Rooms by hand, feeds and message pipes by HTTP and from the application's own code: the hubs' operations, without a socket.</summary>
[Trait("Requirement", "1.19")]
public sealed class ApiRoomTests(ApiHost host) : IClassFixture<ApiHost>
{
    private readonly ApiUnderTest _api = new(host.Node);

    private IDuplexity Application => host.Node.Services.GetRequiredService<IDuplexity>();

    [Fact]
    [Trait("Requirement", "1.6")]
    public async Task A_room_is_made_changed_listed_and_removed_and_its_policy_holds_for_everybody()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "ben");
        var made = await _api.PostAsync("rooms", "owner-1", """{"name":"hand/made","policy":{"join":["owner"],"messages":5}}""");
        var closed = await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:hand/made" });
        var hidden = await _api.SendAsync(HttpMethod.Put, "rooms/hand%2Fmade", host.Node.Token("ben"), Json("{}"));
        var changed = await _api.SendAsync(HttpMethod.Put, "rooms/hand%2Fmade", host.Node.Token("owner-1"), Json("""{"join":["client:b*"],"messages":5}"""));
        var open = await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:hand/made" });
        var listed = (await _api.GetAsync("rooms", "owner-1")).Read<ListRoomsResponse>().Rooms!;
        var others = await _api.GetAsync("rooms?client=owner-1", "ben");
        var removed = await _api.SendAsync(HttpMethod.Delete, "rooms/hand%2Fmade", host.Node.Token("owner-1"));

        made.Read<RoomResponse>().Room.Should().BeEquivalentTo(new { Name = "hand/made", Owner = "owner-1", Count = 0 });
        (closed.Error!.Code, hidden.Status, hidden.Code, open.Error).Should().Be((203, HttpStatusCode.Forbidden, 203, null));
        changed.Read<RoomResponse>().Room!.Policy!.Join.Should().Equal("client:b*");
        listed.Single().Should().BeEquivalentTo(new { Name = "hand/made", Count = 1, Joined = false });
        (others.Status, others.Code, removed.Status).Should().Be((HttpStatusCode.Forbidden, 200, HttpStatusCode.OK));
        (await _api.GetAsync("rooms", "owner-1")).Read<ListRoomsResponse>().Rooms.Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_room_is_refused_by_the_same_gates_as_on_the_hub_and_each_refusal_says_which_code()
    {
        (string, object) narrow = ("duplexity", new { join = new[] { "room:mine-*" } });

        var beyond = await _api.SendAsync(HttpMethod.Post, "rooms", host.Node.Token("narrow", null, narrow), Json("""{"name":"theirs"}"""));
        var nonsense = await _api.PostAsync("rooms", "owner-2", """{"name":"odd","policy":{"join":["anybody"]}}""");
        var nameless = await _api.PostAsync("rooms", "owner-2", "{}");
        await _api.PostAsync("rooms", "owner-2", """{"name":"twice"}""");
        var taken = await _api.PostAsync("rooms", "owner-3", """{"name":"twice"}""");
        var kept = await _api.SendAsync(HttpMethod.Put, "rooms/twice", host.Node.Token("owner-2"), Json("""{"messages":1}"""));
        var unknown = await _api.SendAsync(HttpMethod.Delete, "rooms/nowhere", host.Node.Token("owner-2"));

        ((ApiAnswer[])[beyond, nonsense, nameless, taken, kept, unknown]).Select(a => ((int)a.Status, a.Code)).Should().Equal((403, 203), (400, 102), (400, 103), (403, 205), (400, 102), (403, 203));
    }

    [Fact]
    [Trait("Requirement", "1.16")]
    public async Task A_client_opens_its_feed_and_looks_at_who_may_follow()
    {
        (await _api.PostAsync("feed", "speaker", """{"followers":["client:fan-*"]}""")).Read<SetFeedResponse>().Followers.Should().Equal("client:fan-*");
        (await _api.PostAsync("feed", "speaker", """{"look":true}""")).Read<SetFeedResponse>().Followers.Should().Equal("client:fan-*");
        (await _api.PostAsync("feed", "speaker", """{"followers":["whoever"]}""")).Code.Should().Be(102);
    }

    [Fact]
    [Trait("Requirement", "1.22")]
    public async Task A_message_pipe_is_added_carries_and_is_removed()
    {
        await using var reader = await StockSocket.DataAsync(host.Node, "reader");
        await reader.JoinAsync("room:piped-out");
        var set = await _api.PostAsync("message-pipes", "plumber", """{"pipes":[{"id":"p","from":"room:piped-in","to":["room:piped-out"]}]}""");
        await _api.PostAsync("messages", "ben", """{"to":"room:piped-in","text":"through"}""");
        var carried = await reader.NextAsync();
        var listed = (await _api.GetAsync("message-pipes", "plumber")).Read<MessagePipesResponse>().Pipes!;
        var removed = await _api.SendAsync(HttpMethod.Delete, "message-pipes/p", host.Node.Token("plumber"));
        var again = await _api.SendAsync(HttpMethod.Delete, "message-pipes/p", host.Node.Token("plumber"));
        var wrong = await _api.PostAsync("message-pipes", "plumber", """{"pipes":[]}""");

        set.Status.Should().Be(HttpStatusCode.OK);
        (carried.Text, carried.From.Client, carried.Via!.Client).Should().Be(("through", "ben", "plumber"));
        listed.Single().Id.Should().Be("p");
        ((int)removed.Status, (int)again.Status, again.Code, wrong.Code).Should().Be((200, 403, 203, 102));
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task The_application_makes_rooms_for_itself_and_for_others_and_changes_and_removes_any()
    {
        var own = await Application.Rooms.CreateAsync("app-room", new RoomPolicy { Send = ["owner"] });
        var amys = await Application.Rooms.CreateAsync("app-amy", owner: "amy-of-app");
        var changed = await Application.Rooms.ChangeAsync("app-amy", new RoomPolicy { Members = 2 });
        var names = new List<string>();
        await foreach (var room in Application.Rooms.ListAsync("amy-of-app"))
        {
            names.Add(room.Name);
        }

        (own.Owner, amys.Owner, changed.Policy!.Members).Should().Be(("service:app", "amy-of-app", 2));
        names.Should().Equal("app-amy");
        (await Application.SendAsync(Address.Room("app-room"), "hi")).Complete.Should().BeTrue();
        (await _api.PostAsync("messages", "ben", """{"to":"room:app-room","text":"hi"}""")).Code.Should().Be(203);
        await Application.Rooms.RemoveAsync("app-amy");
        (await Code(() => Application.Rooms.RemoveAsync("app-amy"))).Should().Be(203);
        (await Code(() => Application.Rooms.CreateAsync("app-room"))).Should().Be(205);
        await Application.Awaiting(a => a.Rooms.CreateAsync("x", owner: "no client")).Should().ThrowAsync<ArgumentException>();
    }

    [Fact]
    [Trait("Requirement", "1.22")]
    public async Task The_applications_own_pipe_carries_as_the_application()
    {
        await using var reader = await StockSocket.DataAsync(host.Node, "reader-2");
        await reader.JoinAsync("room:app-out");
        var set = await Application.MessagePipes.SetAsync([new MessagePipe { From = "room:app-in", To = ["room:app-out"] }]);
        await Application.SendAsync(Address.Room("app-in"), "through");

        var carried = await reader.NextAsync();
        (carried.Text, carried.Via!.Client).Should().Be(("through", "service:app"));
        (await Application.MessagePipes.ListAsync()).Select(p => p.Id).Should().Equal(set.Single().Id);
        await Application.MessagePipes.RemoveAsync(set.Single().Id!);
        (await Application.MessagePipes.ListAsync()).Should().BeEmpty();
    }

    private static async Task<int> Code(Func<Task> act) => (await act.Should().ThrowAsync<DuplexityException>()).Which.Code;

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
