using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Requests of visitors who were known when these were kept, and who they are to the resource when they are replayed.</summary>
[Trait("Guarantee", "G15")]
public sealed class KnownVisitorTests
{
    private static readonly string[] All = ["bearer", "client:bob", "client:carl", "client:dora"];

    [Fact]
    public async Task A_known_visitor_is_vouched_for_anew_where_it_still_may_visit_and_else_its_request_is_nobodys()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await QueueRig.NodeAsync(setup: s => s.Time = time);
        await using var app = await HookApp.StartAsync();
        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("hook", "9", QueueRig.Kept with { Visitors = All }).Soon();
        }

        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "a stranger's"))).Should().Be(401, "who may not visit is not told that it is away");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "eve's", change: As(node, "eve")))).Should().Be(403);
        foreach (var client in new[] { "bob", "carl", "dora" })
        {
            await QueueRig.KeepAsync(node, client, change: As(node, client));
        }

        time.Advance(TimeSpan.FromHours(2)); // their tokens are over by themselves, and the statement of then too
        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("carl");
        await using var back = await node.ConnectAsync("amy");
        await back.Pipes.OpenAsync("hook", $"127.0.0.1:{app.Port}", QueueRig.Kept with { Visitors = ["bearer", "client:bob", "client:carl", "basic:zoe:correct-horse"] }).Soon();

        var bob = await app.NextAsync();
        (bob.Body, bob.Replayed is not null).Should().Be(("bob", true));
        var statement = ReadStatement(bob.Headers["Duplexity-Identity"]);
        (statement.GetProperty("sub").GetString(), statement.GetProperty("aud").GetString()).Should().Be(("bob", "hook.localhost"));
        statement.GetProperty("exp").GetInt64().Should().BeGreaterThan(time.GetUtcNow().ToUnixTimeSeconds());
        bob.Headers.Keys.Should().NotContain("Authorization");
        foreach (var (client, why) in new[] { ("carl", "it is revoked"), ("dora", "no rule of now lets it in") })
        {
            var hooked = await app.NextAsync();
            hooked.Body.Should().Be(client);
            hooked.Headers.Keys.Should().NotContain("Duplexity-Identity", why);
        }
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task A_gated_pipe_to_an_HTTP_2_resource_is_sent_what_was_kept_for_it()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync(protocols: HttpProtocols.Http2);
        var gated = QueueRig.Kept with { Visitors = All };
        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("hook", $"h2c://127.0.0.1:{app.Port}", gated).Soon();
        }

        string[] ids = [await QueueRig.KeepAsync(node, "1", change: As(node, "bob")), await QueueRig.KeepAsync(node, "2", change: As(node, "carl"))];
        await using var back = await node.ConnectAsync("amy");
        await back.Pipes.OpenAsync("hook", $"h2c://127.0.0.1:{app.Port}", gated).Soon();

        foreach (var id in ids)
        {
            (await app.NextAsync()).Should().Match<Hooked>(h => h.Replayed == id && h.Attempt == "1" && h.Headers.ContainsKey("Duplexity-Identity"));
        }

        await Wait.UntilAsync(() => back.Pipes.Queues.ListAsync(), all => all.Single().Waiting == 0);
    }

    private static Action<HttpRequestMessage> As(TestNode node, string client) => request =>
    {
        request.Headers.Authorization = new("Bearer", node.Token(client));
        request.Headers.Add("Duplexity-Identity", "forged");
    };

    private static JsonElement ReadStatement(string token) => JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
}
