using System.Net;
using System.Text;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>What the key of fronts is good for, and what not (G18).</summary>
[Trait("Guarantee", "G18")]
[Trait("Requirement", "2.20")]
public sealed class RedisFrontTrustTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly string[] ForFronts = ["name", "front", "locate", "carry", "confirm", "exchanges", "who"];

    [Fact]
    public async Task The_key_of_fronts_is_good_for_what_fronts_ask_and_every_other_question_is_refused()
    {
        await using var all = await RedisFront.StartAsync(redis);
        var kinds = all.A.Services.GetServices<INodeCall>().Select(c => c.Kind).ToArray();

        foreach (var kind in kinds.Concat(["register", "remove", "revoke", "publish", "control", "data", "api/tokens"]))
        {
            (await AskAsync(all, kind, "null")).Should().Be(ForFronts.Contains(kind) ? HttpStatusCode.BadRequest : HttpStatusCode.Forbidden, "{0}", kind);
        }

        kinds.Should().Contain(ForFronts).And.Contain(["drain", "leave", "hello", "narrow", "open", "sockets"]);
    }

    [Fact]
    public async Task A_front_hands_nothing_on()
    {
        await using var all = await RedisFront.StartAsync(redis);
        var context = new HandedOn("front1", "http", "", "10.0.0.1", 1).ToString();

        foreach (var path in (string[])["data", "control", "carry", "locate", "auth"])
        {
            (await AskAsync(all, path, "null", context)).Should().Be(HttpStatusCode.Forbidden, path);
        }
    }

    [Fact]
    public async Task An_order_that_was_overheard_is_of_no_use_again_elsewhere_or_altered()
    {
        await using var all = await RedisFront.StartAsync(redis);
        await using var resource = RedisFront.Resource("one");
        await using var amy = await all.B.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{resource.Port}");
        var entry = await all.Front.Services.GetRequiredService<Backend.BackendRegistry>().LocateAsync("cat1.localhost", default);
        var b = RedisFront.Book(all.Front).Find("b")!;
        var body = JsonSerializer.SerializeToUtf8Bytes(new CarryQuestion(entry!, "ticket"));
        var signed = Signature(all.Front).Sign("POST", "/carry", body, b);

        (await SendAsync(b.InternalUrl!, signed, [.. body, 32])).Should().Be(HttpStatusCode.Forbidden, "it was altered");
        (await SendAsync(b.InternalUrl!, signed with { Target = "/confirm" }, body)).Should().Be(HttpStatusCode.Forbidden, "it was altered");
        (await SendAsync(b.InternalUrl!, signed, body)).Should().Be(HttpStatusCode.OK);
        (await SendAsync(b.InternalUrl!, signed, body)).Should().Be(HttpStatusCode.Forbidden, "it came before");
        (await SendAsync(RedisFront.Book(all.Front).Find("a")!.InternalUrl!, signed, body)).Should().Be(HttpStatusCode.Forbidden, "it is for another node");
    }

    [Fact]
    public async Task Who_has_the_key_of_fronts_and_is_not_written_down_as_one_is_refused()
    {
        await using var all = await RedisFront.StartAsync(redis);
        var settings = new DuplexityOptions();
        (settings.Roles, settings.Front.Key, settings.Node.Name) = ("front", RedisFront.Key, "a");
        var options = Microsoft.Extensions.Options.Options.Create(settings);
        var stranger = new NodeSignature(new Node(options), options, TimeProvider.System);
        var a = RedisFront.Book(all.Front).Find("a")!;

        (await SendAsync(a.InternalUrl!, stranger.Sign("POST", "/locate", "null"u8, a), "null"u8.ToArray())).Should().Be(HttpStatusCode.Forbidden);

        // Nor is a front taken for the node whose life it claims.
        var claimed = new NodeSignature(all.B.Services.GetRequiredService<Node>(), options, TimeProvider.System).Sign("POST", "/locate", "null"u8, a);
        (await SendAsync(a.InternalUrl!, claimed, "null"u8.ToArray())).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_question_to_nobody_in_particular_is_who_is_there_and_nothing_else()
    {
        await using var all = await RedisFront.StartAsync(redis);
        var a = RedisFront.Book(all.Front).Find("a")!;
        var anybody = a with { Life = "" };

        (await SendAsync(a.InternalUrl!, Signature(all.Front).Sign("POST", "/name", "{}"u8, anybody), "{}"u8.ToArray())).Should().Be(HttpStatusCode.OK);
        (await SendAsync(a.InternalUrl!, Signature(all.Front).Sign("POST", "/locate", "{}"u8, anybody), "{}"u8.ToArray())).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_front_with_another_key_does_not_start_and_says_why()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Cluster:FrontKey"] = RedisFront.Key);

        var start = () => RedisFront.StartAsync([node], s => s.Settings["Duplexity:Front:Key"] = "another key, which is long enough as well");

        (await start.Should().ThrowAsync<ClusterException>()).WithMessage("*A front's Duplexity:Front:Key is what the nodes have as Duplexity:Cluster:FrontKey*");
    }

    [Fact]
    public async Task A_front_of_a_nodes_name_does_not_start_and_says_why()
    {
        await using var all = await RedisFront.StartAsync(redis);

        var start = () => RedisFront.StartAsync([all.A, all.B], s => s.Settings["Duplexity:Node:Name"] = "b");

        (await start.Should().ThrowAsync<ClusterException>()).WithMessage("A node b is there*");
    }

    [Theory]
    [InlineData("Duplexity:Front:Backends:0", null, "*Duplexity:Front:Backends is empty*")]
    [InlineData("Duplexity:Front:Backends:0", "10.0.0.5", "*Duplexity:Front:Backends has 10.0.0.5*")]
    [InlineData("Duplexity:Front:Key", null, "*Duplexity:Front:Key is missing*")]
    [InlineData("Duplexity:Front:Key", "short", "*Duplexity:Front:Key has 5 characters*")]
    [InlineData("Duplexity:Front:Lease", "00:00:01", "*Duplexity:Front:Lease is 00:00:01*")]
    [InlineData("Duplexity:Cluster:Key", RedisPair.ClusterKey, "*Duplexity:Cluster:Key is the nodes' own*")]
    public async Task Settings_with_which_a_front_could_not_serve_or_would_have_too_much_are_refused(string setting, string? value, string message)
    {
        var start = () => RedisFront.StartAsync([], s =>
        {
            s.Settings["Duplexity:Front:Backends:0"] = "http://127.0.0.1:1";
            s.Settings.Remove(setting);
            if (value is not null)
            {
                s.Settings[setting] = value;
            }
        });

        await start.Should().ThrowAsync<Microsoft.Extensions.Options.OptionsValidationException>().WithMessage(message);
    }

    [Theory]
    [InlineData("Duplexity:Roles", "front", "*AddDuplexityFront*")]
    [InlineData("Duplexity:Roles", "back", "*the roles are front and backend*")]
    [InlineData("Duplexity:Cluster:FrontKey", "short", "*Duplexity:Cluster:FrontKey has 5 characters*")]
    public async Task Settings_of_roles_that_a_node_cannot_have_are_refused(string setting, string value, string message)
    {
        var start = () => TestNode.StartAsync(s => s.Settings[setting] = value);

        await start.Should().ThrowAsync<Microsoft.Extensions.Options.OptionsValidationException>().WithMessage(message);
    }

    [Fact]
    public async Task A_key_that_is_the_nodes_and_the_fronts_is_refused()
    {
        var start = () => TestNode.StartAsync(s => s.Settings["Duplexity:Cluster:Key"] = s.Settings["Duplexity:Cluster:FrontKey"] = RedisPair.ClusterKey);

        await start.Should().ThrowAsync<Microsoft.Extensions.Options.OptionsValidationException>().WithMessage("*whoever has a front would have a node*");
    }

    private static NodeSignature Signature(TestNode node) => node.Services.GetRequiredService<NodeSignature>();

    private static async Task<HttpStatusCode> AskAsync(RedisFront all, string kind, string question, string context = "")
    {
        var a = RedisFront.Book(all.Front).Find("a")!;
        var body = Encoding.UTF8.GetBytes(question);
        return await SendAsync(a.InternalUrl!, Signature(all.Front).Sign("POST", "/" + kind, body, a, context), body);
    }

    private static async Task<HttpStatusCode> SendAsync(Uri at, NodeRequest signed, byte[] body)
    {
        using var http = new HttpClient();
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(at, signed.Target)) { Content = new ByteArrayContent(body) };
        signed.Write((name, value) => message.Headers.TryAddWithoutValidation(name, value));
        using var answer = await http.SendAsync(message).Soon();
        return answer.StatusCode;
    }
}
