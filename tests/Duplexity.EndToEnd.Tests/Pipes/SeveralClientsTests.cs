using System.Net;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>One program that is several clients, and several programs that are one: pipes are each client's own.</summary>
public sealed class SeveralClientsTests
{
    [Fact]
    [Trait("Requirement", "3.12")]
    [Trait("Requirement", "1.5")]
    [Trait("Guarantee", "G10")]
    public async Task A_program_that_is_ben_and_amy_serves_as_each_and_when_amy_leaves_bens_pipe_stays()
    {
        await using var service = await RealService.StartAsync();
        await using var site = new RawResource(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
        });
        var tokens = new Dictionary<string, string>();
        foreach (var client in (string[])["ben", "amy"])
        {
            var asked = service.Cli(client, "token");
            (await asked.ExitAsync(TestTimeout.Long)).Should().Be(0, asked.Output);
            tokens[client] = asked.Output.Trim();
        }

        await using var connection = new DuplexityConnection(service.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(tokens["ben"]) });
        await connection.ConnectAsync().Soon(TestTimeout.Long);
        await connection.Identities.AddAsync(tokens["amy"]).Soon();
        var bens = await connection.Pipes.OpenAsync("bens", $"http://{site.Authority}").Soon();
        var amys = await connection.Pipes.OpenAsync("amys", $"http://{site.Authority}", new PipeOptions { As = "amy" }).Soon();
        using var atBens = service.Visitor("bens");
        using var atAmys = service.Visitor("amys");

        (await atBens.GetStringAsync("")).Should().Be("hi");
        (await atAmys.GetStringAsync("")).Should().Be("hi");
        (await connection.Sockets.ListAsync(new AskOptions { As = "amy" }).Soon()).Should().ContainSingle(s => s.Client == "amy" && s.SocketId == connection.SocketId);
        await connection.Identities.DropAsync("amy").Soon();
        using var gone = await atAmys.GetAsync("");

        gone.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await amys.Closed.Soon())!.Name.Should().Be("identity_not_held");
        (await atBens.GetStringAsync("")).Should().Be("hi");
        bens.Closed.IsCompleted.Should().BeFalse();
        (await connection.Pipes.ListAsync().Soon()).Should().ContainSingle(p => p.Name == "bens.localhost");
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    [Trait("Requirement", "2.33")]
    [Trait("Guarantee", "G21")]
    public async Task A_pipe_is_watched_and_closed_from_another_terminal_and_up_ends_with_the_reason()
    {
        await using var service = await RealService.StartAsync();
        var watch = service.Cli("todd", "pipes", "--watch");
        var sockets = service.Cli("todd", "sockets", "--watch", "--json");
        await sockets.LineAsync("\"present\"", TestTimeout.Long);
        var up = await service.UpAsync("todd", "cat1=localhost:1");
        await watch.LineAsync("cat1.localhost of todd", TestTimeout.Long);

        var kick = service.Cli("todd", "kick", "pipe:cat1", "--reason", "not at night");
        (await kick.ExitAsync(TestTimeout.Long)).Should().Be(0, kick.Output);

        (await up.ExitAsync(TestTimeout.Long)).Should().Be(5, up.Output);
        up.Output.Should().Contain("cat1.localhost is no longer served: not at night");
        await watch.LineAsync(" removed cat1.localhost", TestTimeout.Long);
        watch.SendInterrupt();
        sockets.SendInterrupt();
        (await watch.ExitAsync(TestTimeout.Long)).Should().Be(130);
        (await sockets.ExitAsync(TestTimeout.Long)).Should().Be(130);
    }
}
