using System.Net;
using System.Net.Http.Json;
using System.Text;
using Duplexity.Server.Cluster;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>How nodes find each other, and what keeps everybody else out (G18).</summary>
[Trait("Guarantee", "G18")]
public sealed class RedisClusterTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    public async Task Nodes_know_each_other_and_how_much_each_has_to_do()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.B, "amy");
        await RoundAsync(pair.B);
        await RoundAsync(pair.A);

        var other = Book(pair.A).Others.Should().ContainSingle().Subject;
        other.Should().BeEquivalentTo(new { Name = "b", IsReady = true, IsDraining = false });
        other.Load["sockets"].Should().Be(1);
        other.InternalUrl!.IsLoopback.Should().BeTrue();
    }

    [Fact]
    public async Task A_second_node_without_the_key_or_with_another_one_does_not_start_and_says_why()
    {
        await using var pair = await RedisPair.StartAsync(redis);

        var without = () => pair.NodeAsync("c", configure: s => s.Settings["Duplexity:Cluster:Key"] = null);
        (await without.Should().ThrowAsync<ClusterException>()).WithMessage("*shares this engine: set Duplexity:Cluster:Key*");
        var another = () => pair.NodeAsync("c", configure: s => s.Settings["Duplexity:Cluster:Key"] = "another key, which is long enough as well");
        (await another.Should().ThrowAsync<ClusterException>()).WithMessage("*does not have this cluster's key*");
        var twin = () => pair.NodeAsync("a");
        (await twin.Should().ThrowAsync<ClusterException>()).WithMessage("A node a is running already*");
        Book(pair.A).Others.Should().ContainSingle("who was refused has left");
    }

    [Fact]
    public async Task A_node_beside_one_without_a_key_does_not_start()
    {
        await using var pair = await RedisPair.StartAsync(redis, nodes: 0);
        await using var alone = await pair.NodeAsync("a", configure: s => s.Settings["Duplexity:Cluster:Key"] = null);

        var second = () => pair.NodeAsync("b");

        (await second.Should().ThrowAsync<ClusterException>()).WithMessage("*has no Duplexity:Cluster:Key*");
    }

    [Theory]
    [InlineData("short", null, "*has 5 characters*")]
    [InlineData(RedisPair.ClusterKey, "http://8.8.8.8:5081", "*where the world may reach it*")]
    [InlineData(RedisPair.ClusterKey, "https://127.0.0.1:0", "*InternalCertificate*")]
    [InlineData(RedisPair.ClusterKey, "http://127.0.0.1:0/path", "*without a path*")]
    public async Task Settings_that_would_open_the_internal_plane_are_refused(string key, string? url, string message)
    {
        await using var pair = await RedisPair.StartAsync(redis, nodes: 0);

        var start = () => pair.NodeAsync("a", configure: s => (s.Settings["Duplexity:Cluster:Key"], s.Settings["Duplexity:Node:InternalUrl"]) = (key, url));

        await start.Should().ThrowAsync<Exception>().WithMessage(message);
    }

    [Theory]
    [Trait("Requirement", "2.10")]
    [Trait("Requirement", "2.11")]
    [InlineData("hello")]
    [InlineData("carry")]
    [InlineData("confirm")]
    [InlineData("locate")]
    [InlineData("register")]
    [InlineData("data")]
    public async Task Who_is_no_node_learns_nothing_at_the_internal_listener_and_the_public_one_has_none_of_it(string path)
    {
        await using var pair = await RedisPair.StartAsync(redis);
        var at = Book(pair.A).Self.InternalUrl!;
        using var stranger = new HttpClient();

        using var unsigned = await stranger.PostAsJsonAsync(new Uri(at, path), new { });
        unsigned.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        (await unsigned.Content.ReadAsByteArrayAsync()).Should().BeEmpty();
        using var invented = new HttpRequestMessage(HttpMethod.Post, new Uri(at, path));
        foreach (var header in (string[])["From", "To", "At", "Nonce", "Context", "Signature"])
        {
            invented.Headers.TryAddWithoutValidation(NodeRequest.Prefix + header, "x");
        }

        using var refused = await stranger.SendAsync(invented);
        refused.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        if (path != "data")
        {
            using var publicly = await pair.A.Http.PostAsJsonAsync(path, new { });
            publicly.StatusCode.Should().Be(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task A_request_that_was_overheard_is_of_no_use()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await RoundAsync(pair.A);
        var b = Book(pair.A).Find("b")!;
        var body = Encoding.UTF8.GetBytes("null");
        var signed = pair.A.Services.GetRequiredService<NodeSignature>().Sign("POST", "/hello", body, b);

        (await SendAsync(b.InternalUrl!, signed, body)).Should().Be(HttpStatusCode.BadRequest, "a node says what it does not understand");
        (await SendAsync(b.InternalUrl!, signed, body)).Should().Be(HttpStatusCode.Forbidden, "it came before");
        (await SendAsync(Book(pair.A).Self.InternalUrl!, signed, body)).Should().Be(HttpStatusCode.Forbidden, "it is for another node");
    }

    private static async Task<HttpStatusCode> SendAsync(Uri at, NodeRequest signed, byte[] body)
    {
        using var http = new HttpClient();
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(at, signed.Target)) { Content = new ByteArrayContent(body) };
        signed.Write((name, value) => message.Headers.TryAddWithoutValidation(name, value));
        using var answer = await http.SendAsync(message).Soon();
        return answer.StatusCode;
    }

    private static NodeBook Book(TestNode node) => node.Services.GetRequiredService<NodeBook>();

    private static Task RoundAsync(TestNode node) => Book(node).RoundAsync(CancellationToken.None);
}
