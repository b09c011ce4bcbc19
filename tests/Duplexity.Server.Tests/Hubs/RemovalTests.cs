using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>A removed client is gone with all that was its own, and its name is never given again (G19).</summary>
public sealed class RemovalTests
{
    [Fact]
    [Trait("Guarantee", "G19")]
    [Trait("Guarantee", "G8")]
    [Trait("Requirement", "1.8")]
    public async Task A_removed_client_is_off_at_once_and_takes_inbox_feed_keys_rooms_and_pipes_along()
    {
        await using var node = await TestNode.StartAsync();
        await using var owner = await node.ConnectAsync("amy");
        await using var pipe = await owner.Pipes.OpenAsync("cat1", "http://127.0.0.1:1");
        await using var shared = await StockSocket.DataAsync(node, "ben");
        await shared.AuthenticateAsync(node.Token("amy"));
        await shared.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "amy", Channel = "room:lobby" });
        await shared.SendAsAsync("ben", "for amy", "client:amy");
        await shared.InvokeAsync<SendResponse>("Emit", new EmitRequest { As = "amy", Text = "by amy" });
        var key = (await AskAsync(node, "auth/keys", node.Token("amy"), new { name = "laptop" })).Body.GetProperty("key").GetString();
        await AskAsync(node, "auth/keys", node.Token("ben"), new { name = "laptop" });
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));

        var answer = await admin.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "amy" });

        answer.Error.Should().BeNull();
        answer.Connections.Should().Be(3, "two of the program, one that she shares");
        (await owner.Closed.Soon()).Code.Should().Be(522);
        (await shared.SendAsAsync("amy", "x", "room:lobby")).Error!.Code.Should().Be(201);
        (await shared.SendAsAsync("ben", "still for amy", "client:amy")).Error!.Code.Should().Be(203, "nobody is there, and nobody will be");
        (await shared.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:lobby" })).Count.Should().Be(0);
        var engine = node.Services.GetRequiredService<IEngine>();
        (await engine.Log.ReadAsync(Address.Client("amy"), null, 10)).Should().BeEquivalentTo(new { Entries = Array.Empty<object>(), Top = Position.Start });
        (await engine.Log.ReadAsync(Address.Feed("amy"), null, 10)).Should().BeEquivalentTo(new { Entries = Array.Empty<object>(), Top = Position.Start });
        (await engine.Registry.ListAsync("amy")).Should().BeEmpty();
        (await engine.Records.ListAsync("api-key")).Should().ContainSingle("ben's is ben's");
        (await AskAsync(node, "auth/token", null, new { key })).Status.Should().Be(HttpStatusCode.Unauthorized);
        using var visit = await node.VisitAsync("cat1");
        visit.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    [Trait("Requirement", "1.23")]
    public async Task The_rooms_that_a_removed_client_made_go_with_what_was_said_there_and_its_word_on_who_may_follow_it()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        (await amy.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "amys" })).Error.Should().BeNull();
        (await amy.InvokeAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["*"] })).Error.Should().BeNull();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var control = await StockSocket.DiscoveredAsync(node, "ben");
        var left = ben.Hear<LeftEvent>("Left");
        await ben.JoinAsync("room:amys");
        await ben.JoinAsync("feed:amy");
        await ben.SendAsync("hello", "room:amys");
        (await control.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "amys" })).Error.Should().NotBeNull("it is amy's");

        await node.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");

        LeftEvent[] told = [await left.ReadAsync().Soon(), await left.ReadAsync().Soon()];
        told.Select(l => (l.Channel, l.Client)).Should().BeEquivalentTo([("room:amys", "ben"), ("feed:amy", "ben")]);
        var engine = node.Services.GetRequiredService<IEngine>();
        (await engine.Log.ReadAsync(Address.Room("amys"), null, 10)).Entries.Should().BeEmpty();
        (await engine.Presence.ReadAsync(Address.Room("amys"))).Members.Should().BeEmpty();
        (await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "feed:amy" })).Error!.Name.Should().Be("unknown_destination");
        var made = await control.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "amys" });
        made.Error.Should().BeNull();
        made.Room!.Owner.Should().Be("ben");
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    [Trait("Requirement", "1.3")]
    public async Task No_token_of_a_removed_client_is_good_again_whoever_makes_it_and_whoever_would_make_one_is_told_why()
    {
        await using var node = await TestNode.StartAsync();
        var duplexity = node.Services.GetRequiredService<IDuplexity>();
        var root = node.Token("root", null, ("role", "admin"));
        var before = duplexity.CreateToken("amy", TimeSpan.FromHours(1));
        await duplexity.RemoveAsync("amy");
        const string sentence = "amy was removed, and a removed client's name is never given again*";

        foreach (var token in (string[])[before, node.Token("amy"), node.Token("amy", null, ("iat", node.Time.GetUtcNow().AddMinutes(5).ToUnixTimeSeconds()))])
        {
            await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, "data"), token)).Should().ThrowAsync<Exception>().WithMessage("*401*");
        }

        duplexity.Invoking(d => d.CreateToken("amy", TimeSpan.FromHours(1))).Should().Throw<DuplexityException>().WithMessage(sentence).Which.Code.Should().Be(205);
        await duplexity.Invoking(d => d.EnableAsync("amy")).Should().ThrowAsync<DuplexityException>().WithMessage(sentence);
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        (await admin.InvokeAsync<RevokeResponse>("Disable", new DisableRequest { Client = "amy", Disabled = false })).Error!.Name.Should().Be("name_taken");
        foreach (var (path, body) in new (string, object)[] { ("api/tokens", new { client = "amy" }), ("auth/keys", new { client = "amy", name = "laptop" }) })
        {
            var answer = await AskAsync(node, path, root, body);
            answer.Status.Should().Be(HttpStatusCode.Forbidden, path);
            answer.Body.GetProperty("error").GetProperty("sentence").GetString().Should().Match(sentence, path);
        }

        (await duplexity.RemoveAsync("amy")).Should().Be(0, "once more changes nothing");
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task A_tombstone_outlives_a_restart_and_the_next_amy_inherits_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        var issuer = new TestIssuer();
        void Setup(TestNodeSetup s) => (s.Issuer, s.Settings["Duplexity:Data"]) = (issuer, folder.FullName);
        await using (var first = await TestNode.StartAsync(Setup))
        {
            await first.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");
        }

        await using var second = await TestNode.StartAsync(Setup);

        await second.Invoking(n => StockSocket.DataAsync(n, "amy")).Should().ThrowAsync<Exception>().WithMessage("*401*");
        second.Services.GetRequiredService<IDuplexity>().Invoking(d => d.CreateToken("amy", TimeSpan.FromHours(1))).Should().Throw<DuplexityException>();
        await using var ben = await StockSocket.DataAsync(second, "ben");
        (await ben.SendAsync("hello", "client:amy")).Error!.Code.Should().Be(203);
        folder.Delete(recursive: true);
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task Who_was_removed_signs_in_no_more_and_is_told_so_where_the_person_waits()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider);
        var tokens = await SignInRig.SignInAsync(node, provider, "amy");
        await node.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");

        var refreshed = await SignInRig.RefreshAsync(node, tokens);
        var again = await SignInRig.SignInAsync(node, provider, "amy");

        refreshed.Status.Should().Be(HttpStatusCode.Unauthorized);
        again.GetProperty("event").GetString().Should().Be("failed");
        again.GetProperty("error").GetProperty("sentence").GetString().Should().StartWith("amy was removed");
        (await node.Services.GetRequiredService<IEngine>().Records.ListAsync("grant")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    [Trait("Guarantee", "G10")]
    public async Task Only_an_administrator_removes_and_nobody_itself()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        await using var team = await StockSocket.DiscoveredAsync(node, "lead", ("duplexity", new { administer = new[] { "client:team-*" } }));

        (await amy.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "ben" })).Error!.Name.Should().Be("denied");
        (await amy.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "amy" })).Error!.Name.Should().Be("denied");
        (await team.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "ben" })).Error!.Name.Should().Be("denied");
        (await admin.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "root" })).Error!.Code.Should().Be(102);
        (await admin.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest())).Error!.Code.Should().Be(102);
        (await team.InvokeAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "team-x" })).Error.Should().BeNull();
        node.Logs.Lines.Should().ContainSingle(l => l.Text.Contains("Client team-x is removed, by lead"));
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    [Trait("Guarantee", "G7")]
    public async Task A_name_that_an_end_which_failed_has_left_goes_with_its_owner()
    {
        await using var node = await TestNode.StartAsync();
        var registry = node.Services.GetRequiredService<IEngine>().Registry;
        await registry.RegisterAsync([new PipeEntry
        {
            Name = "cat1.localhost", Client = "amy", Session = "gone", Generation = 7, Node = "old", Resource = "http://localhost:1", HostHeader = "keep", Url = "http://cat1.localhost/", Since = node.Time.GetUtcNow(),
        }]);

        await node.Services.GetRequiredService<IDuplexity>().RemoveAsync("amy");

        (await registry.LocateAsync("cat1.localhost")).Should().BeNull();
        await using var ben = await node.ConnectAsync("ben");
        await using var pipe = await ben.Pipes.OpenAsync("cat1", "http://127.0.0.1:1");
        pipe.Name.Should().Be("cat1.localhost");
    }

    private static async Task<(HttpStatusCode Status, JsonElement Body)> AskAsync(TestNode node, string path, string? token, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        using var response = await node.Http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }
}
