using System.Net;
using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>An API key as it is: below <c>/api</c> only, and gone the moment it is removed.</summary>
[Trait("Guarantee", "G19")]
public sealed class ApiKeyTests(ApiHost host) : IClassFixture<ApiHost>
{
    private const string Message = """{"to":"room:keys","text":"hi"}""";
    private readonly ApiUnderTest _api = new(host.Node);

    [Fact]
    [Trait("Requirement", "2.4")]
    public async Task A_key_acts_as_its_client_with_its_allowances_and_its_removal_ends_it_at_once()
    {
        var key = await MakeAsync("amy", "laptop", new { send = new[] { "room:keys" } });

        var first = await PostAsync(key, Message);
        var wide = await PostAsync(key, """{"to":"room:other","text":"hi"}""");
        using var removal = new HttpRequestMessage(HttpMethod.Delete, "auth/keys/laptop") { Headers = { Authorization = new("Bearer", host.Node.Token("amy")) } };
        using var removed = await host.Node.Http.SendAsync(removal);
        var after = await PostAsync(key, Message);

        first.Status.Should().Be(HttpStatusCode.OK);
        (await _api.GetAsync("channels/room:keys/messages", "ben")).Read<HistoryResponse>().Messages![^1].From.Client.Should().Be("amy");
        (wide.Status, wide.Code).Should().Be((HttpStatusCode.Forbidden, 203));
        removed.StatusCode.Should().Be(HttpStatusCode.NoContent);
        (after.Status, after.Code).Should().Be((HttpStatusCode.Unauthorized, 207));
    }

    [Fact]
    public async Task A_key_opens_no_hub_and_nothing_below_auth()
    {
        var key = await MakeAsync("amy", "doors", null);

        foreach (var path in (string[])["data", "control", "data/carry", "auth", "auth/keys"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = new("Bearer", key) } };
            using var response = await host.Node.Http.SendAsync(request);
            response.StatusCode.Should().Be(HttpStatusCode.Unauthorized, path);
        }
    }

    [Fact]
    public async Task Another_secret_of_a_known_key_is_refused_also_while_the_key_is_remembered()
    {
        var key = await MakeAsync("amy", "guessed", null);
        (await PostAsync(key, Message)).Status.Should().Be(HttpStatusCode.OK);

        (await PostAsync(key[..^1] + (key[^1] == 'A' ? 'B' : 'A'), Message)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await PostAsync(key.Split('.')[0] + ".", Message)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await PostAsync(key, Message)).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Guarantee", "G8")]
    public async Task A_key_ends_with_a_revocation_of_its_client_and_while_it_is_disabled()
    {
        var duplexity = host.Node.Services.GetRequiredService<IDuplexity>();
        var (revoked, disabled) = (await MakeAsync("rev", "k", null), await MakeAsync("dis", "k", null));
        (await PostAsync(revoked, Message)).Status.Should().Be(HttpStatusCode.OK);
        (await PostAsync(disabled, Message)).Status.Should().Be(HttpStatusCode.OK);

        await duplexity.RevokeAsync("rev");
        await duplexity.DisableAsync("dis");

        (await PostAsync(revoked, Message)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await PostAsync(disabled, Message)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_key_mints_tokens_for_whom_it_may_administer_and_they_end_with_it()
    {
        var admin = host.Node.Token("root", null, ("role", "admin"));
        var key = await MakeAsync("root", "minter", new { administer = new[] { "client:shop-*" } }, admin);

        var minted = await _api.SendAsync(HttpMethod.Post, "tokens", key, Json("""{"client":"shop-amy"}"""));
        var foreign = await _api.SendAsync(HttpMethod.Post, "tokens", key, Json("""{"client":"ben"}"""));
        var token = minted.Body.GetProperty("access_token").GetString()!;
        var before = await PostAsync(token, Message);
        using var removal = new HttpRequestMessage(HttpMethod.Delete, "auth/keys/minter") { Headers = { Authorization = new("Bearer", admin) } };
        (await host.Node.Http.SendAsync(removal)).Dispose();

        foreign.Status.Should().Be(HttpStatusCode.Forbidden);
        before.Status.Should().Be(HttpStatusCode.OK);
        (await PostAsync(token, Message)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G14")]
    public async Task No_log_at_any_level_has_a_key_a_token_or_a_body()
    {
        await using var node = await TestNode.StartAsync(s => s.LogLevel = LogLevel.Trace);
        var api = new ApiUnderTest(node);
        var token = node.Token("amy");
        var made = await SendAsync(node, HttpMethod.Post, "auth/keys", token, """{"name":"canary"}""");
        var key = made.GetProperty("key").GetString()!;
        string[] canaries = [token, key, key.Split('.')[1], "a body for nobody else", "an-idempotency-key"];

        foreach (var credential in (string[])[token, key, key + "x"])
        {
            await api.SendAsync(HttpMethod.Post, "messages", credential, Json("""{"to":"room:x","text":"a body for nobody else","idempotencyKey":"an-idempotency-key"}"""));
            await api.SendAsync(HttpMethod.Post, "messages", credential, Json("""{"to":"room:x","text":"a body for nobody else","wrong":1}"""));
            await api.SendAsync(HttpMethod.Get, "channels/room:x/messages", credential);
        }

        node.Logs.Lines.Should().HaveCountGreaterThan(100, "a run at Trace has much to say");
        node.Logs.Lines.Where(line => canaries.Any(canary => line.ToString().Contains(canary, StringComparison.Ordinal))).Select(line => $"{line.Category}: {line.Event.Name}").Distinct().Should().BeEmpty();
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private static async Task<JsonElement> SendAsync(TestNode node, HttpMethod method, string path, string token, string body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = Json(body), Headers = { Authorization = new("Bearer", token) } };
        using var response = await node.Http.SendAsync(request).Soon();
        response.IsSuccessStatusCode.Should().BeTrue();
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
    }

    private Task<ApiAnswer> PostAsync(string credential, string body) => _api.SendAsync(HttpMethod.Post, "messages", credential, Json(body));

    private async Task<string> MakeAsync(string client, string name, object? allowances, string? token = null) =>
        (await SendAsync(host.Node, HttpMethod.Post, "auth/keys", token ?? host.Node.Token(client), JsonSerializer.Serialize(new { name, allowances }))).GetProperty("key").GetString()!;
}
