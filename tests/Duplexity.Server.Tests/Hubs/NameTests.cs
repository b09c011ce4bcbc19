using System.Net;
using Duplexity.Cli;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Api;
using Duplexity.Server.Tests.Cli;
using Duplexity.Server.Tests.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Reserved names of a real node: by the SDK, by HTTP and from the command line.</summary>
[Trait("Guarantee", "G7")]
public sealed class NameTests
{
    [Fact]
    public async Task A_name_is_reserved_listed_and_released_by_the_sdk_and_kept_from_others_meanwhile()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");

        var reserved = await amy.Names.ReserveAsync("Cat1").Soon();
        var claim = () => ben.Names.ReserveAsync("cat1").Soon();
        var pipe = async () => await ben.Pipes.OpenAsync("cat1", "localhost:9").Soon();
        var steal = () => ben.Names.ReleaseAsync("cat1").Soon();

        (reserved.Name, reserved.Client, reserved.FreeAt).Should().Be(("cat1.localhost", "amy", null));
        (await claim.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.NameTaken.Code);
        (await pipe.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.NameTaken.Code);
        (await steal.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.UnknownDestination.Code);
        (await ben.Names.ListAsync().Soon()).Should().BeEmpty();
        await amy.Names.ReleaseAsync("cat1").Soon();
        (await amy.Names.ListAsync().Soon()).Should().ContainSingle().Which.FreeAt.Should().NotBeNull();
    }

    [Fact]
    public async Task A_pipe_of_a_wildcard_is_opened_by_the_sdk_and_serves_every_name_below()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = new RawServer(async (connection, _) =>
        {
            while (await connection.ReadHeadAsync() is { Length: > 0 })
            {
                await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwild");
            }
        });
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("*.shop", resource.Resource).Soon();

        pipe.Name.Should().Be("*.shop.localhost");
        using var answer = await node.VisitAsync("a.shop").Soon();
        (await answer.Content.ReadAsStringAsync()).Should().Be("wild");
    }

    [Fact]
    [Trait("Requirement", "1.19")]
    public async Task Names_are_reserved_listed_and_released_by_http_and_an_administrator_sees_and_frees_all()
    {
        await using var node = await TestNode.StartAsync();
        var api = new ApiUnderTest(node);

        var made = await api.PostAsync("names", "amy", """{"name":"cat1"}""");
        var taken = await api.PostAsync("names", "ben", """{"name":"cat1"}""");
        var foreign = await api.PostAsync("names", "ben", """{"name":"cat1.example.com"}""");
        var nothing = await api.PostAsync("names", "ben", "{}");
        var all = await api.GetAsync("names?client=*", "ben");
        var seen = await api.GetAsync("names?client=*", "root", ("role", "admin"));
        var stolen = await api.SendAsync(HttpMethod.Delete, "names/cat1.localhost", node.Token("ben"));
        var released = await api.SendAsync(HttpMethod.Delete, "names/cat1.localhost", node.Token("root", null, ("role", "admin")));

        made.Read<NamesResponse>().Names.Should().ContainSingle().Which.Name.Should().Be("cat1.localhost");
        ((ApiAnswer[])[taken, foreign, nothing, all, stolen]).Select(a => ((int)a.Status, a.Code)).Should().Equal((403, 205), (400, 108), (400, 102), (403, 200), (403, 203));
        foreign.Sentence.Should().Contain("Make a TXT record at _duplexity.cat1.example.com with the value duplexity=");
        seen.Read<NamesResponse>().Names.Should().ContainSingle().Which.Client.Should().Be("amy");
        released.Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_command_line_reserves_lists_and_releases()
    {
        await using var node = await TestNode.StartAsync();
        using var amy = new CliUnderTest(node, "amy");
        using var ben = new CliUnderTest(node, "ben");

        (await amy.RunAsync("names", "reserve", "cat1")).Should().Be(ExitCode.Done);
        amy.Output.Should().Equal("cat1.localhost");
        (await ben.RunAsync("names", "reserve", "cat1")).Should().Be(ExitCode.NameTaken);
        (await amy.RunAsync("names")).Should().Be(ExitCode.Done);
        amy.Output[^1].Should().Contain("cat1.localhost").And.Contain("amy");
        (await ben.RunAsync("names", "release", "cat1")).Should().NotBe(ExitCode.Done);
        (await amy.RunAsync("names", "release", "cat1")).Should().Be(ExitCode.Done);
        amy.Error.Should().Contain(l => l.Contains("cat1 is released"));
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task Names_outlive_the_process_where_there_is_a_data_folder()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-names-");
        for (var life = 0; life < 2; life++)
        {
            await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = folder.FullName);
            await using var client = await node.ConnectAsync(life == 0 ? "amy" : "ben");
            var reserve = () => client.Names.ReserveAsync("cat1").Soon();
            if (life == 0)
            {
                await reserve();
            }
            else
            {
                (await reserve.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.NameTaken.Code);
            }
        }

        folder.Delete(recursive: true);
    }
}
