using System.Net;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests;

/// <summary>Alone, for it uses the port that everybody knows.</summary>
[CollectionDefinition(nameof(FixedPort), DisableParallelization = true)]
public sealed class FixedPort;

/// <summary>The README's first command, typed as it stands there, on a machine where nothing listens on port 5080 yet.</summary>
[Collection(nameof(FixedPort))]
public sealed class QuickStartTests
{
    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task The_first_command_serves_and_its_two_lines_work()
    {
        var state = Directory.CreateTempSubdirectory("duplexity-state-");
        await using var service = Run("dotnet run --project server/Duplexity.Host", state);

        (await service.LineAsync("listens on")).Should().Be("Duplexity listens on http://localhost:5080");
        var chatLine = (await service.LineAsync("--as amy")).Trim();
        var upLine = (await service.LineAsync("--as todd")).Trim();
        using var http = new HttpClient { BaseAddress = new Uri("http://localhost:5080/") };
        using var ready = await http.GetAsync("health/ready");
        ready.StatusCode.Should().Be(HttpStatusCode.OK);

        await using var chat = Run(chatLine, state);
        await using var up = Run(upLine, state);
        await chat.LineAsync("you are amy in room:lobby");
        (await up.LineAsync("ready ")).Should().Be("ready http://cat1.localhost:5080/");
        up.SendInterrupt();
        chat.CloseInput();
        (await chat.ExitAsync(TestTimeout.Long)).Should().Be(0, chat.Output);
        await service.DisposeAsync();
        state.Delete(recursive: true);
    }

    private static RealProcess Run(string line, DirectoryInfo state)
    {
        var words = line.Split(' ');
        words[0].Should().Be("dotnet");
        return RealProcess.Start(
            ProcessTools.DotNet,
            words[1..],
            [
                ("XDG_STATE_HOME", state.FullName), ("XDG_CONFIG_HOME", state.FullName), ("DUPLEXITY_SERVER", null), ("DUPLEXITY_AS", null), ("DUPLEXITY_TOKEN", null),
                ("ASPNETCORE_ENVIRONMENT", null), ("DOTNET_ENVIRONMENT", null), ("ASPNETCORE_URLS", null), ("DOTNET_NOLOGO", "1"),
            ],
            ProcessTools.Root);
    }
}
