using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Ways to more than one was given.</summary>
public sealed class EscalationTests
{
    [Fact]
    [Trait("Guarantee", "G10")]
    [Trait("Guarantee", "G19")]
    public async Task A_minted_token_that_says_only_what_it_may_send_administers_nobody_and_one_that_says_nothing_is_no_wider_than_its_maker()
    {
        await using var node = await TestNode.StartAsync(s => s.Environment = "Production");
        var root = node.Token("root", null, ("role", "admin"));
        var narrow = node.Token("backend", null, ("duplexity", new { administer = new[] { "client:shop-*" }, send = new[] { "room:shop" } }));

        var some = await MintAsync(node, root, new { client = "amy", allowances = new { send = new[] { "room:a" } } });
        var limited = await MintAsync(node, root, new { client = "amy", allowances = new { limits = new { messages = 5 } } });
        var asked = await MintAsync(node, root, new { client = "ops", allowances = new { administer = new[] { "client:shop-*" } } });
        var nothing = await MintAsync(node, narrow, new { client = "shop-amy" });

        (await AllowedAsync(node, some)).Should().BeEquivalentTo(new Allowances { Send = ["room:a"], Receive = ["*"], Join = ["*"], Publish = [], Administer = [] });
        (await AllowedAsync(node, limited)).Administer.Should().BeEmpty();
        (await AllowedAsync(node, asked)).Administer.Should().Equal("client:shop-*");
        (await AllowedAsync(node, nothing)).Send.Should().Equal("room:shop");
        (await GetAsync(node, some, "auth/keys?client=*")).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    [Trait("Guarantee", "G19")]
    public async Task Nobody_is_called_everybody()
    {
        await using var node = await TestNode.StartAsync(s => s.Environment = "Production");

        foreach (var name in (string[])["*", "a*", "service:*"])
        {
            (await GetAsync(node, node.Token(name), "auth")).Status.Should().Be(HttpStatusCode.Unauthorized, name);
            (await GetAsync(node, node.Token(name), "auth/keys?client=*")).Status.Should().Be(HttpStatusCode.Unauthorized, name);
        }
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Explain_tells_who_may_not_come_in_neither_how_full_a_room_is_nor_whose_a_name_is()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await amy.JoinAsync("room:private");
        await using var owner = await StockSocket.DiscoveredAsync(node, "amy");
        await owner.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [new() { Name = "cat1", Resource = "http://localhost:1" }] });
        await using var ben = await StockSocket.DiscoveredAsync(node, "ben", ("duplexity", new { join = new[] { "room:own" }, publish = new[] { "own" }, limits = new { usersPerRoom = 1 } }));

        foreach (var (operation, target) in ((string, string)[])[("join", "room:private"), ("publish", "cat1")])
        {
            var answer = await ben.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = operation, Target = target });
            answer.Gates!.Where(g => g.Error is not null).Select(g => g.Gate).Should().Equal("scope");
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_is_no_character_is_no_address_and_a_form_that_breaks_off_is_a_wrong_request()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var form = new ByteArrayContent("--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nbroken off"u8.ToArray());
        form.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");

        using var broken = await node.Http.PostAsync("auth/token", form);

        (await amy.SendAsync("x", "room:\ufffe")).Error!.Code.Should().Be(103);
        (await amy.JoinAsync("room:a\U0001ffff")).Error!.Code.Should().Be(103);
        broken.StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    private static async Task<string> MintAsync(TestNode node, string token, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/tokens") { Content = JsonContent.Create(body) };
        request.Headers.Authorization = new("Bearer", token);
        using var response = await node.Http.SendAsync(request);
        return (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString()!;
    }

    private static async Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(TestNode node, string token, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new("Bearer", token);
        using var response = await node.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text) : default);
    }

    private static async Task<Allowances> AllowedAsync(TestNode node, string token) =>
        (await GetAsync(node, token, "auth")).Body.GetProperty("allowances").Deserialize<Allowances>(JsonSerializerOptions.Web)!;
}
