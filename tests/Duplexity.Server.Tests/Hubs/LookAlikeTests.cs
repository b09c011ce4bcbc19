using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Clients whose names look like one another's are as apart as any two (G19): they share no inbox, room, key, pipe, right or end.</summary>
public sealed class LookAlikeTests
{
    [Theory]
    [InlineData("AMY")]
    [InlineData("\u0430my")] // Cyrillic а
    [InlineData("am\u00FD")]
    [InlineData("amy-")]
    [InlineData("\uFF41my")] // full-width a: NFC keeps it
    [Trait("Guarantee", "G19")]
    [Trait("Requirement", "1.3")]
    public async Task Case_and_letters_that_look_alike_make_another_client(string other)
    {
        await using var node = await TestNode.StartAsync();

        await AreApartAsync(node, ("amy", node.Token("amy")), (other, node.Token(other)));
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task One_subject_of_two_issuers_is_two_clients_and_neither_can_spell_the_others_prefix()
    {
        var shop = new TestIssuer("https://shop.example");
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Auth:Keys:tests:Prefix"] = "t-";
            s.Settings["Duplexity:Auth:Keys:shop:Issuer"] = shop.Issuer;
            s.Settings["Duplexity:Auth:Keys:shop:Secret"] = shop.Secret;
            s.Settings["Duplexity:Auth:Keys:shop:Prefix"] = "shop-";
        });

        await AreApartAsync(node, ("t-amy", node.Token("amy")), ("shop-amy", shop.Token("amy", node.Time.GetUtcNow(), TimeSpan.FromHours(1))));

        var disguised = shop.Token("t-amy", node.Time.GetUtcNow(), TimeSpan.FromHours(1));
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), disguised);
        socket.Welcome.Clients.Should().Equal("shop-t-amy");
        var forged = new TestIssuer(shop.Issuer, secret: node.Token("x")).Token("amy", node.Time.GetUtcNow(), TimeSpan.FromHours(1));
        await node.Invoking(n => StockSocket.ConnectAsync(new Uri(n.Address, "data"), forged)).Should().ThrowAsync<Exception>().WithMessage("*401*");
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task A_service_that_is_called_like_a_person_is_not_the_person()
    {
        await using var node = await TestNode.StartAsync();
        var root = node.Token("root", null, ("role", "admin"));
        var minted = (await AskAsync(node, HttpMethod.Post, "api/tokens", root, new { client = "service:amy" })).GetProperty("access_token").GetString()!;

        await AreApartAsync(node, ("amy", node.Token("amy")), ("service:amy", minted));

        await node.Invoking(n => StockSocket.DataAsync(n, "service:amy")).Should().ThrowAsync<Exception>().WithMessage("*401*", "no other issuer's token names a service");
    }

    /// <summary>Whatever the one has, is or loses, the other has, is and loses not.</summary>
    private static async Task AreApartAsync(TestNode node, (string Client, string Token) one, (string Client, string Token) other)
    {
        var hub = new Uri(node.Address, "data");
        var duplexity = node.Services.GetRequiredService<IDuplexity>();
        await using var first = await StockSocket.ConnectAsync(hub, one.Token);
        await using var second = await StockSocket.ConnectAsync(hub, other.Token);
        first.Welcome.Clients.Should().Equal(one.Client);
        second.Welcome.Clients.Should().Equal(other.Client);

        // Inbox.
        await first.JoinAsync($"client:{one.Client}");
        await second.JoinAsync($"client:{other.Client}");
        (await first.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = $"client:{other.Client}" })).Error!.Code.Should().Be(203);
        await duplexity.SendAsync(Address.Client(one.Client), "for the one");
        await duplexity.SendAsync(Address.Client(other.Client), "for the other");
        (await first.NextAsync()).Text.Should().Be("for the one");
        (await second.NextAsync()).Text.Should().Be("for the other");

        // Rooms and presence.
        await first.JoinAsync("room:lobby");
        (await second.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:lobby" })).Members!.Select(m => m.Client).Should().Equal(one.Client);
        (await second.SendAsAsync(one.Client, "as the one", "room:lobby")).Error!.Code.Should().Be(201);

        // Keys.
        await AskAsync(node, HttpMethod.Post, "auth/keys", one.Token, new { name = "laptop" });
        (await AskAsync(node, HttpMethod.Get, "auth/keys", other.Token)).GetProperty("keys").GetArrayLength().Should().Be(0);

        // Public names.
        await using var owner = new DuplexityConnection(node.Address, new() { Token = _ => ValueTask.FromResult<string?>(one.Token) });
        await owner.ConnectAsync().Soon();
        await using var pipe = await owner.Pipes.OpenAsync("cat1", "http://127.0.0.1:1");
        await using var taker = await StockSocket.ConnectAsync(new Uri(node.Address, "control"), other.Token);
        await taker.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
        var taken = await taker.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [new PipeRegistration { Name = "cat1", Resource = "http://127.0.0.1:1" }] });
        taken.Pipes!.Single().Error!.Name.Should().Be("name_taken");
        (await taker.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes.Should().BeEmpty();
        (await taker.InvokeAsync<ListSocketsResponse>("ListSockets", new ListSocketsRequest())).Sockets!.Select(s => s.SocketId).Should().Equal(second.Id);

        // The end: the one's is not the other's, and the other inherits nothing of it.
        await duplexity.RemoveAsync(one.Client);
        (await first.Disconnected).Code.Should().Be(522);
        (await second.SendAsync("still here", "room:lobby")).Error.Should().BeNull();
        await using var again = await StockSocket.ConnectAsync(hub, other.Token);
        (await again.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = $"client:{other.Client}" })).Messages!.Select(m => m.Text).Should().Equal("for the other");
        (await AskAsync(node, HttpMethod.Get, "auth/keys", other.Token)).GetProperty("keys").GetArrayLength().Should().Be(0);
    }

    private static async Task<JsonElement> AskAsync(TestNode node, HttpMethod method, string path, string token, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await node.Http.SendAsync(request);
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
