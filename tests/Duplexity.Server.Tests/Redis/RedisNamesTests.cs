using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Server.Tunnels.Names;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Whose names are, on every node alike (G7, G8).</summary>
[Trait("Guarantee", "G7")]
public sealed class RedisNamesTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_name_that_is_reserved_on_one_node_is_kept_on_the_other_when_the_answer_comes()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await pair.A.ConnectAsync("amy");
        await using var ben = await pair.B.ConnectAsync("ben");
        for (var i = 0; i < 5; i++)
        {
            await amy.Names.ReserveAsync($"cat{i}").Soon();
            var pipe = async () => await ben.Pipes.OpenAsync($"cat{i}", "localhost:9").Soon();
            (await pipe.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.NameTaken.Code);
        }

        await amy.Names.ReleaseAsync("cat0").Soon();
        pair.B.Services.GetRequiredService<NameBook>().List("amy")[0].FreeAt.Should().NotBeNull();
        await using var later = await pair.NodeAsync("c");
        later.Services.GetRequiredService<NameBook>().List("amy").Should().HaveCount(5);
    }

    [Fact]
    public async Task Of_two_nodes_that_reserve_or_serve_one_name_at_once_one_client_has_it()
    {
        await using var pair = await RedisPair.StartAsync(redis, configure: (s, _) => s.Settings["Duplexity:Limits:NameClaims"] = "1000");
        await using var amy = await pair.A.ConnectAsync("amy");
        await using var ben = await pair.B.ConnectAsync("ben");
        for (var i = 0; i < 10; i++)
        {
            var won = await Task.WhenAll(TryAsync(() => amy.Names.ReserveAsync($"cat{i}")), TryAsync(() => i % 2 == 0 ? ben.Names.ReserveAsync($"cat{i}") : ben.Pipes.OpenAsync($"cat{i}", "localhost:9")));

            won.Count(w => w).Should().BeLessThanOrEqualTo(1);
        }

        static async Task<bool> TryAsync(Func<Task> what)
        {
            try
            {
                await what().Soon();
                return true;
            }
            catch (DuplexityException e) when (e.Code == Errors.NameTaken.Code)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task Visitors_of_a_wildcard_at_another_node_are_a_new_names_from_when_its_client_is_told()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var all = new RawServer((c, _) => HelloAsync(c, "all"));
        await using var one = new RawServer((c, _) => HelloAsync(c, "one"));
        await using var root = pair.B.Connection("root", o => o with { Token = _ => ValueTask.FromResult<string?>(pair.B.Token("root", null, ("role", "admin"))) });
        await root.ConnectAsync().Soon();
        await using var amy = await pair.B.ConnectAsync("amy");
        await using var wild = await root.Pipes.OpenAsync("*", $"127.0.0.1:{all.Port}").Soon();
        (await TextAsync(pair.A, "cat1")).Should().Be("all");

        await using var pipe = await amy.Pipes.OpenAsync("cat1", $"127.0.0.1:{one.Port}").Soon();

        (await TextAsync(pair.A, "cat1")).Should().Be("one");
        (await TextAsync(pair.A, "cat2")).Should().Be("all");
        await wild.DisposeAsync();
        using var gone = await pair.A.VisitAsync("cat2");
        gone.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Requirement", "2.10")]
    [Trait("Requirement", "2.12")]
    [Trait("Guarantee", "G18")]
    public async Task Another_node_registers_and_removes_on_the_internal_plane_for_a_session_that_is_here()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await pair.A.ConnectAsync("amy");
        await using var first = await amy.Pipes.OpenAsync("first", "localhost:9").Soon();
        await using var ben = await pair.B.ConnectAsync("ben");
        await using var bens = await ben.Pipes.OpenAsync("bens", "localhost:9").Soon();
        var registry = pair.A.Services.GetRequiredService<Duplexity.Server.Backend.BackendRegistry>();
        var entry = (await registry.ReadAsync("first.localhost", CancellationToken.None))!;
        var (calls, to) = (pair.B.Services.GetRequiredService<NodeCalls>(), (await pair.B.Services.GetRequiredService<Duplexity.Server.Cluster.NodeBook>().FindAsync("a", CancellationToken.None))!);
        Task<PipesResponse> RegisterAsync(string session, params string[] names) => calls.AskAsync<RegisterQuestion, PipesResponse>(
            to, RegisterCall.Word, new("amy", session, entry.Generation, new Allowances { Publish = ["*"] }, [.. names.Select(n => new PipeRegistration { Name = n, Resource = "http://localhost:9" })]), CancellationToken.None);

        var conflict = await RegisterAsync(entry.Session, "second", "bens");
        var there = await registry.ReadAsync("second.localhost", CancellationToken.None);
        var registered = await RegisterAsync(entry.Session, "second");
        var again = await RegisterAsync(entry.Session, "second");
        var strange = await RegisterAsync("another", "third");
        var removed = await calls.AskAsync<RemoveQuestion, bool>(to, RemoveCall.Word, new("amy", entry.Session, entry.Generation, ["second.localhost"]), CancellationToken.None);
        var nothing = await calls.AskAsync<RemoveQuestion, bool>(to, RemoveCall.Word, new("amy", "another", 1, null), CancellationToken.None);

        (conflict.Error!.Code, there).Should().Be((Errors.NameTaken.Code, null));
        registered.Pipes.Should().ContainSingle().Which.Name.Should().Be("second.localhost");
        (again.Error, strange.Error!.Code, removed, nothing).Should().Be((null, Errors.ControlNotEstablished.Code, true, true));
        (await registry.ReadAsync("second.localhost", CancellationToken.None)).Should().BeNull();
        (await registry.ReadAsync("first.localhost", CancellationToken.None)).Should().NotBeNull();
    }

    private static async Task HelloAsync(Duplexity.Server.Tests.Tunnels.RawVisitor connection, string text)
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 })
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    }

    private static async Task<string> TextAsync(TestNode node, string name)
    {
        using var answer = await node.VisitAsync(name);
        return await answer.Content.ReadAsStringAsync();
    }
}
