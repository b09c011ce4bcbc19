using System.Net;
using Duplexity.Protocol;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.2")]
[Trait("Requirement", "3.4")]
public sealed class RoutesTests
{
    [Theory]
    [InlineData("/", "root /")]
    [InlineData("/api", "api /api")]
    [InlineData("/api?a=%2F", "api /api?a=%2F")]
    [InlineData("/api/users/7", "api /api/users/7")]
    [InlineData("/%61pi/x", "api /%61pi/x")]
    [InlineData("/apis", "root /apis")]
    [InlineData("/API", "root /API")]
    [InlineData("/api/v2/x?q=1", "v2 /x?q=1")]
    [InlineData("/api/v2", "v2 /")]
    [InlineData("/api/v2/", "v2 /")]
    [InlineData("/api/v22", "api /api/v22")]
    public async Task The_longest_route_by_whole_segments_takes_a_path(string target, string expected)
    {
        await using var rig = await Rig.StartAsync();
        using var visitor = await rig.Host.RawAsync();

        await visitor.SendAsync($"GET {target} HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: close\r\n\r\n");
        (await visitor.ReadAllAsync()).Should().StartWith("HTTP/1.1 200").And.EndWith("\r\n\r\n" + expected);
    }

    [Theory]
    [InlineData("/x/../api")]
    [InlineData("/./api")]
    [InlineData("/api/..")]
    [InlineData("/a%2fpi")]
    [InlineData("/x/%2e%2e/api")]
    [InlineData("/x\\..\\api")]
    [InlineData("/x/%5C")]
    public async Task A_path_that_two_servers_could_read_in_two_ways_is_refused(string target)
    {
        await using var rig = await Rig.StartAsync();
        using var visitor = await rig.Host.RawAsync();

        await visitor.SendAsync($"GET {target} HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: close\r\n\r\n");
        (await visitor.ReadAllAsync()).Should().StartWith("HTTP/1.1 400");
    }

    [Fact]
    public async Task Carriers_of_one_route_serve_no_other_and_end_with_the_pipe()
    {
        await using var rig = await Rig.StartAsync();
        using var visitor = rig.Host.Visitor();
        for (var i = 0; i < 3; i++)
        {
            (await visitor.GetStringAsync("/")).Should().StartWith("root");
            (await visitor.GetStringAsync("/api")).Should().StartWith("api");
        }

        rig.Owner.Orders.Select(o => o.Route).Should().BeEquivalentTo([null, "/api"]);
        await rig.Host.Pipes.RemoveAsync(rig.Owner.Session, ["cat1.localhost"], default);
        using var gone = await visitor.GetAsync("/api");
        gone.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("api", "http://localhost:1", "no path of a route")]
    [InlineData("/", "http://localhost:1", "no path of a route")]
    [InlineData("/api/", "http://localhost:1", "no path of a route")]
    [InlineData("/a/../b", "http://localhost:1", "no path of a route")]
    [InlineData("/a%20b", "http://localhost:1", "no path of a route")]
    [InlineData("/a", "tcp://localhost:1", "no resource of a route")]
    [InlineData("/a", null, "no resource of a route")]
    public async Task A_route_that_makes_no_sense_is_refused_with_the_reason(string path, string? resource, string why)
    {
        await using var host = await TunnelHost.StartAsync();
        var answer = await host.Pipes.RegisterAsync(
            host.Connect().Session, TunnelHost.Everything, [new() { Name = "cat1", Resource = "http://localhost:1", Routes = [new() { Path = path, Resource = resource }] }], default);
        answer.Error!.Code.Should().Be(Errors.InvalidPipe.Code);
        answer.Error.Sentence.Should().Contain(why);
    }

    private sealed class Rig(TunnelHost host, TunnelClient owner, IAsyncDisposable[] resources) : IAsyncDisposable
    {
        public TunnelHost Host => host;

        public TunnelClient Owner => owner;

        public static async Task<Rig> StartAsync()
        {
            var (root, api, v2) = (Named("root"), Named("api"), Named("v2"));
            var host = await TunnelHost.StartAsync();
            var owner = host.Connect();
            await owner.ServeAsync(new PipeRegistration
            {
                Name = "cat1",
                Resource = root.Resource,
                Routes = [new() { Path = "/api", Resource = api.Resource }, new() { Path = "/api/v2", Resource = v2.Resource, Strip = true }],
            });
            return new(host, owner, [root, api, v2]);
        }

        public async ValueTask DisposeAsync()
        {
            await host.DisposeAsync();
            foreach (var resource in resources)
            {
                await resource.DisposeAsync();
            }
        }

        private static RawServer Named(string name) => new(async (c, _) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                var answer = $"{name} {head.Split(' ')[1]}";
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {answer.Length}\r\n\r\n{answer}");
            }
        });
    }
}
