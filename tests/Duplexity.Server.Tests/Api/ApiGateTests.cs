using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Duplexity.Protocol;
using Duplexity.Server.Api;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>What stands in front of the operations: the host, the page, who it is, and how much of it at once.</summary>
public sealed class ApiGateTests(ApiHost host) : IClassFixture<ApiHost>
{
    private const string Message = """{"to":"room:gate","text":"hi"}""";
    private readonly ApiUnderTest _api = new(host.Node);

    [Theory]
    [InlineData(null)]
    [InlineData("nonsense")]
    [InlineData("dxk_key-none.none")]
    [Trait("Guarantee", "G5")]
    public async Task Without_a_good_token_or_key_it_says_so_in_its_body(string? token)
    {
        foreach (var path in (string[])["messages", "tokens", "explain"])
        {
            var answer = await _api.SendAsync(HttpMethod.Post, path, token, new StringContent(Message));
            (answer.Status, answer.Code).Should().Be((HttpStatusCode.Unauthorized, 207));
            answer.Headers.WwwAuthenticate.ToString().Should().Be("Bearer");
        }
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task Neither_a_cookie_nor_the_address_authenticates()
    {
        var token = host.Node.Token("amy");

        (await _api.SendAsync(HttpMethod.Get, $"sockets?access_token={token}", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await _api.SendAsync(HttpMethod.Get, "sockets", null, null, ("Cookie", $"access_token={token}"))).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task It_is_there_on_the_services_own_hosts_only()
    {
        foreach (var name in (string[])["cat1.localhost", "rebound.example"])
        {
            foreach (var (method, path) in new[] { (HttpMethod.Post, "messages"), (HttpMethod.Get, "openapi.json"), (HttpMethod.Put, "messages") })
            {
                using var request = new HttpRequestMessage(method, $"api/{path}") { Headers = { Host = name, Authorization = new AuthenticationHeaderValue("Bearer", host.Node.Token("amy")) } };
                using var response = await host.Node.Http.SendAsync(request);
                response.StatusCode.Should().Be(HttpStatusCode.NotFound, $"{method} {path} at {name}");
                (await response.Content.ReadAsStringAsync()).Should().NotContain("\"error\"").And.NotContain("openapi");
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task A_page_of_a_foreign_origin_is_refused_and_one_that_may_reads_when_to_come_again()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Origins:0"] = "https://app.example");
        var api = new ApiUnderTest(node);

        var foreign = await api.PostAsync("messages", "amy", Message, ("Origin", "https://evil.example"));
        var friend = await api.PostAsync("messages", "amy", Message, ("Origin", "https://app.example"));
        var preflight = await api.SendAsync(HttpMethod.Options, "messages", null, null, ("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST"));

        (foreign.Status, foreign.Code).Should().Be((HttpStatusCode.Forbidden, 200));
        friend.Status.Should().Be(HttpStatusCode.OK);
        friend.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("https://app.example");
        friend.Headers.GetValues("Access-Control-Expose-Headers").Should().Equal("Retry-After");
        preflight.Status.Should().Be(HttpStatusCode.NoContent);
        preflight.Headers.GetValues("Access-Control-Allow-Headers").Single().Should().Contain("Idempotency-Key").And.Contain("Authorization");
    }

    [Fact]
    public async Task Another_method_is_answered_405_with_those_that_there_are_but_to_nobody_unknown()
    {
        var known = await _api.SendAsync(HttpMethod.Put, "messages", host.Node.Token("amy"));
        var several = await _api.SendAsync(HttpMethod.Post, "sockets/x", host.Node.Token("amy"));
        var token = await _api.SendAsync(HttpMethod.Get, "tokens", host.Node.Token("amy"));
        var unknown = await _api.SendAsync(HttpMethod.Put, "messages", null);

        (known.Status, known.Code, known.ContentHeaders.Allow.Single()).Should().Be((HttpStatusCode.MethodNotAllowed, 101, "POST"));
        several.ContentHeaders.Allow.Should().Equal("GET", "DELETE");
        (token.Status, token.Code).Should().Be((HttpStatusCode.MethodNotAllowed, 101));
        unknown.Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task Nobody_is_the_application_itself_from_outside()
    {
        var token = host.Node.Services.GetRequiredService<IDuplexity>().CreateToken("service:app", TimeSpan.FromMinutes(1));

        var answer = await _api.SendAsync(HttpMethod.Get, "sockets", token);

        (answer.Status, answer.Code).Should().Be((HttpStatusCode.Forbidden, 200));
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task Who_was_forced_out_is_kept_away_here_too_and_told_until_when()
    {
        await _api.SendAsync(HttpMethod.Delete, "clients/forced/sockets?blockMs=60000", host.Node.Token("root", null, ("role", "admin")));

        var answer = await _api.PostAsync("messages", "forced", Message);

        (answer.Status, answer.Code).Should().Be((HttpStatusCode.Forbidden, 200));
        answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds.Should().BeInRange(1, 61);
    }

    [Theory]
    [InlineData("messages", """{"to":"room:late","text":"hi"}""")]
    [InlineData("messages/batch", """{"messages":[{"to":"room:late","text":"hi"}]}""")]
    [Trait("Guarantee", "G8")]
    public async Task A_body_that_comes_whole_only_after_a_revocation_has_answered_does_nothing(string path, string message)
    {
        var (body, answer) = await HeldBody.PostAsync(host.Node, $"api/{path}", host.Node.Token("late"), message);
        var revoked = await _api.SendAsync(HttpMethod.Post, "revocations", host.Node.Token("root", null, ("role", "admin")), JsonContentOf(new { client = "late" }));
        body.Release();
        using var response = await answer.Soon();

        revoked.Status.Should().Be(HttpStatusCode.OK);
        response.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        (await _api.GetAsync("channels/room:late/messages", "amy")).Read<HistoryResponse>().Messages.Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_client_has_a_bounded_number_of_requests_under_way_and_nothing_is_kept_of_it_afterwards()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.ApiRequestsPerClient = 1);
        var api = new ApiUnderTest(node);
        var (body, answer) = await HeldBody.PostAsync(node, "api/messages", node.Token("amy"), Message);

        var second = await api.PostAsync("messages", "amy", Message);
        var other = await api.PostAsync("messages", "ben", Message);
        body.Release();
        using var first = await answer.Soon();
        var third = await api.PostAsync("messages", "amy", Message);

        (second.Status, second.Code).Should().Be((HttpStatusCode.TooManyRequests, 300));
        second.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromSeconds(1));
        other.Status.Should().Be(HttpStatusCode.OK);
        first.StatusCode.Should().Be(HttpStatusCode.OK);
        third.Status.Should().Be(HttpStatusCode.OK);
        node.Services.GetRequiredService<ApiClients>().Count.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_clients_have_used_is_kept_for_a_bounded_number_and_for_its_window_only()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Time = time;
            s.Options = o => o.Limits.ApiClients = 1;
        });
        var api = new ApiUnderTest(node);
        Task<ApiAnswer> SendAsync(string client, int windowMs) => api.SendAsync(
            HttpMethod.Post, "messages", node.Token(client, null, ("duplexity", new { limits = new { messages = 1, windowMs } })), JsonContentOf(new { to = "room:x", text = "x" }));

        var kept = await SendAsync("amy", 86_400_000);
        var full = await SendAsync("ben", 1);

        kept.Status.Should().Be(HttpStatusCode.OK);
        (full.Status, full.Code).Should().Be((HttpStatusCode.ServiceUnavailable, 400));
        full.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromSeconds(1));
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_body_that_does_not_come_is_not_waited_for()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.ApiRequest = TimeSpan.FromMilliseconds(100));
        await using var client = await RawVisitor.ConnectAsync(node.Port);

        await client.RequestAsync("POST /api/messages HTTP/1.1", "localhost", $"Authorization: Bearer {node.Token("amy")}", "Content-Type: application/json", "Content-Length: 100");
        await client.SendAsync("{\"to\":\"room:late\",");
        var head = await client.ReadHeadAsync();

        head.Should().StartWith("HTTP/1.1 408 ");
        var length = int.Parse(Regex.Match(head, @"Content-Length: (\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        JsonDocument.Parse(await client.ReadExactlyAsync(length)).RootElement.GetProperty("error").GetProperty("code").GetInt32().Should().Be(100);
    }

    private static StringContent JsonContentOf(object value) => new(JsonSerializer.Serialize(value), System.Text.Encoding.UTF8, "application/json");
}
