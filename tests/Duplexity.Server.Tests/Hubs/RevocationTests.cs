using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Tokens that end before their time (G8, 3.10): at once, everywhere on the node, and for good.</summary>
public sealed class RevocationTests
{
    [Fact]
    [Trait("Requirement", "3.10")]
    [Trait("Requirement", "1.8")]
    [Trait("Guarantee", "G8")]
    public async Task A_revoked_client_falls_off_a_socket_alone_and_cannot_come_back_with_that_token()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await using var alone = await StockSocket.DataAsync(node, "amy");
        var amys = node.Token("amy");
        await socket.AuthenticateAsync(amys);
        var changes = socket.Hear<IdentitiesChangedEvent>("IdentitiesChanged");

        var count = await Duplexity(node).RevokeAsync("amy");

        count.Should().Be(2);
        (await changes.ReadAsync().Soon()).Should().BeEquivalentTo(new { Client = "amy", Change = "revoked", Clients = (string[])["ben"] });
        (await alone.Disconnected).Should().BeEquivalentTo(new { Code = 522, Retry = "never" });
        (await socket.SendAsAsync("amy", "no more", "room:x")).Error!.Code.Should().Be(201);
        (await socket.SendAsAsync("ben", "still", "room:x")).Error.Should().BeNull();
        (await socket.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = amys })).Error!.Code.Should().Be(207);
        await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, "data"), amys)).Should().ThrowAsync<Exception>().WithMessage("*401*");
        var later = node.Token("amy", null, ("iat", node.Time.GetUtcNow().AddSeconds(2).ToUnixTimeSeconds()));
        (await socket.AuthenticateAsync(later)).Client.Should().Be("amy", "she has signed in again");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    [Trait("Requirement", "3.10")]
    public async Task In_the_very_moment_of_a_revocation_what_was_given_before_is_over_and_what_is_given_after_is_good()
    {
        // The clock stands still: there is no moment in between.
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        var hub = new Uri(node.Address, "data");
        for (var round = 0; round < 3; round++)
        {
            var before = Duplexity(node).CreateToken("amy", TimeSpan.FromHours(1));
            await using var socket = await StockSocket.ConnectAsync(hub, before);

            // Whoever is revoked between its Welcome and this ends as well, and is not counted.
            await socket.TakenInAsync(node);

            (await Duplexity(node).RevokeAsync("amy")).Should().Be(1);
            var after = Duplexity(node).CreateToken("amy", TimeSpan.FromHours(1));

            (await socket.Disconnected).Code.Should().Be(522);
            await node.Invoking(_ => StockSocket.ConnectAsync(hub, before)).Should().ThrowAsync<Exception>().WithMessage("*401*");
            var again = await StockSocket.ConnectAsync(hub, after);
            again.Welcome.Clients.Should().Equal("amy");
            await again.LeaveAsync(node);
        }

        await node.Invoking(n => StockSocket.DataAsync(n, "amy")).Should().ThrowAsync<Exception>().WithMessage("*401*", "another issuer's token counts whole seconds, and may be from before");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task One_token_is_revoked_by_its_id_and_the_clients_others_stay()
    {
        await using var node = await TestNode.StartAsync();
        await using var stolen = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), node.Token("amy", null, ("jti", "stolen")));
        await stolen.TakenInAsync(node);
        await using var own = await StockSocket.DataAsync(node, "amy");

        (await Duplexity(node).RevokeTokenAsync("stolen")).Should().Be(1);

        (await stolen.Disconnected).Code.Should().Be(522);
        (await own.SendAsync("here", "room:x")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    [Trait("Requirement", "3.10")]
    public async Task All_tokens_from_before_a_time_are_revoked_and_later_ones_stay_and_an_earlier_time_brings_none_back()
    {
        await using var node = await TestNode.StartAsync();
        var (hub, now) = (new Uri(node.Address, "data"), node.Time.GetUtcNow());
        string At(int minutes) => node.Token("amy", null, ("iat", now.AddMinutes(minutes).ToUnixTimeSeconds()));
        await using var old = await StockSocket.ConnectAsync(hub, At(-60));
        await using var shared = await StockSocket.DataAsync(node, "ben");
        await shared.AuthenticateAsync(At(-31));
        await using var recent = await StockSocket.ConnectAsync(hub, At(-29));
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        Task<RevokeResponse> RevokeAsync(int minutes) => admin.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest { Client = "amy", Before = now.AddMinutes(minutes).ToUnixTimeMilliseconds() });

        (await RevokeAsync(-30)).Should().BeEquivalentTo(new { Connections = 2, Pending = 0 });
        (await RevokeAsync(-90)).Connections.Should().Be(0);

        (await old.Disconnected).Code.Should().Be(522);
        (await shared.SendAsAsync("amy", "x", "room:x")).Error!.Code.Should().Be(201);
        (await shared.SendAsAsync("ben", "x", "room:x")).Error.Should().BeNull();
        (await recent.SendAsync("still here", "room:x")).Error.Should().BeNull();
        await node.Invoking(_ => StockSocket.ConnectAsync(hub, At(-31))).Should().ThrowAsync<Exception>().WithMessage("*401*");
        await using var another = await StockSocket.ConnectAsync(hub, At(-29));
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_disabled_client_is_out_until_it_is_enabled_and_then_needs_a_new_token()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "amy");
        var later = node.Token("amy", null, ("iat", node.Time.GetUtcNow().AddSeconds(2).ToUnixTimeSeconds()));
        var hub = new Uri(node.Address, "data");

        await Duplexity(node).DisableAsync("amy");
        (await socket.Disconnected).Code.Should().Be(522);
        await node.Invoking(_ => StockSocket.ConnectAsync(hub, later)).Should().ThrowAsync<Exception>().WithMessage("*401*");
        await Duplexity(node).EnableAsync("amy");

        await node.Invoking(n => StockSocket.ConnectAsync(hub, n.Token("amy"))).Should().ThrowAsync<Exception>().WithMessage("*401*");
        await using var back = await StockSocket.ConnectAsync(hub, later);
        back.Welcome.Clients.Should().Equal("amy");
    }

    [Fact]
    [Trait("Requirement", "3.10")]
    public async Task What_was_revoked_stays_revoked_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        var issuer = new TestIssuer();
        void Setup(TestNodeSetup s) => (s.Issuer, s.Settings["Duplexity:Data"]) = (issuer, folder.FullName);
        string token;
        await using (var first = await TestNode.StartAsync(Setup))
        {
            token = first.Token("amy");
            await Duplexity(first).RevokeAsync("amy");
            await Duplexity(first).DisableAsync("cleo");
        }

        await using var second = await TestNode.StartAsync(Setup);

        await second.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, "data"), token)).Should().ThrowAsync<Exception>().WithMessage("*401*");
        await second.Invoking(n => StockSocket.DataAsync(n, "cleo")).Should().ThrowAsync<Exception>().WithMessage("*401*");
        folder.Delete(recursive: true);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    [Trait("Requirement", "3.10")]
    public async Task Nothing_of_a_thousand_queued_messages_is_delivered_after_the_answer_of_the_revocation()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Times.SocketQueueAge, o.Limits.InboxMessages, o.Limits.InboxBytes) = (TimeSpan.FromMinutes(5), 100_000, 1024 * 1024 * 1024));
        await using var reader = await RawHub.ConnectAsync(node, "data", node.Token("ben"), receiveBuffer: 4096);
        await using var sender = await StockSocket.DataAsync(node, "cleo");
        await reader.AskAsync("Authenticate", new { token = node.Token("amy") });
        await reader.AskAsync("Join", new { channel = "client:amy", @as = "amy" });
        await reader.AskAsync("Join", new { channel = "client:ben" });

        // The reader stops. What pipe and kernel take is filled first, then a thousand wait.
        var filler = new string('f', 40_000);
        for (var i = 0; i < 250; i++)
        {
            await sender.SendAsync(filler, "client:ben");
        }

        await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => sender.SendAsync($"secret {i}", "client:amy")));
        var lost = await Duplexity(node).RevokeAsync("amy");
        await sender.SendAsync("the end", "client:ben");

        var seen = new List<string>();
        var removed = -1;
        var text = "";
        while (text != "the end")
        {
            var message = (await reader.ReadAsync())!.Value;
            if (message.TryGetProperty("target", out var target) && target.GetString() == "IdentitiesChanged")
            {
                removed = seen.Count;
            }

            if (target.ValueKind == JsonValueKind.String && target.GetString() == "Deliver")
            {
                text = message.GetProperty("arguments")[0][0].GetProperty("text").GetString()!;
                seen.Add(text);
            }
        }

        lost.Should().Be(1);
        seen.Should().NotContain(t => t.StartsWith("secret"));
        seen.Count(t => t == filler).Should().Be(250, "ben's are ben's");
        removed.Should().BeGreaterThan(0);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Pipes_of_a_revoked_client_close_and_an_open_download_ends()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = new RawResource();
        await using var owner = await node.ConnectAsync("amy");
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"http://127.0.0.1:{resource.Port}");
        var visit = node.VisitAsync("cat1", "/endless");
        await using var connection = await resource.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun");
        using var response = await visit.Soon();
        await using var body = await response.Content.ReadAsStreamAsync();
        await body.ReadExactlyAsync(new byte[5]).AsTask().Soon();

        await Duplexity(node).RevokeAsync("amy");

        var rest = async () => await body.ReadAsync(new byte[1]).Soon();
        await rest.Should().ThrowAsync<IOException>();
        using var next = await node.VisitAsync("cat1");
        ((int)next.StatusCode).Should().Be(404);
        (await owner.Closed.Soon()).Code.Should().Be(522);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_token_that_is_revoked_while_it_is_being_taken_on_is_not_taken_on()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");

        for (var round = 0; round < 20; round++)
        {
            var adding = ben.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token($"c{round}") });
            var revoking = Duplexity(node).RevokeAsync($"c{round}");
            await Task.WhenAll(adding, revoking);
            (await ben.SendAsAsync($"c{round}", "x", "room:x")).Error!.Code.Should().Be(201, $"round {round}");
        }
    }

    [Fact]
    [Trait("Requirement", "2.33")]
    [Trait("Guarantee", "G8")]
    public async Task A_client_revokes_its_own_tokens_and_nobody_elses()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        await using var admin = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));
        await using var ben = await StockSocket.DataAsync(node, "ben");

        (await control.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest { Client = "ben" })).Error!.Name.Should().Be("denied");
        (await control.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest { TokenId = "any" })).Error!.Name.Should().Be("denied");
        (await control.InvokeAsync<RevokeResponse>("Disable", new DisableRequest { Client = "ben" })).Error!.Name.Should().Be("denied");
        (await control.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest())).Error!.Code.Should().Be(102);
        (await admin.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest { Client = "ben" })).Should().BeEquivalentTo(new { Connections = 1, Pending = 0 });
        (await ben.Disconnected).Code.Should().Be(522);
        (await admin.InvokeAsync<RevokeResponse>("Disable", new DisableRequest { Client = "root" })).Error!.Code.Should().Be(102);

        (await control.InvokeAsync<RevokeResponse>("Revoke", new RevokeRequest { Client = "amy" })).Connections.Should().Be(2);
        (await socket.Disconnected).Code.Should().Be(522);
        (await control.Disconnected).Code.Should().Be(522);
    }

    private static IDuplexity Duplexity(TestNode node) => node.Services.GetRequiredService<IDuplexity>();
}
