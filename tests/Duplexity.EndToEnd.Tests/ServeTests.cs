using System.Net;
using System.Net.Sockets;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests;

/// <summary>What whoever starts the service, or opens its address, reads first.</summary>
public sealed class ServeTests
{
    [Theory]
    [Trait("Requirement", "2.3")]
    [InlineData("server/Duplexity.Host", "Duplexity.Host.dll")]
    [InlineData("client-sdk/Duplexity.Cli", "duplexity.dll", "serve")]
    public async Task A_port_in_use_is_one_line_that_names_it_and_the_option_to_choose_another(string project, string program, params string[] command)
    {
        var home = Directory.CreateTempSubdirectory("duplexity-home-");
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";
        await using var service = RealProcess.Start(
            ProcessTools.DotNet, [ProcessTools.Built(project, program), .. command, "--urls", address, "--environment", "Development", $"--Duplexity:Data={home.FullName}/data"],
            [("HOME", home.FullName), ("XDG_STATE_HOME", home.FullName), ("ASPNETCORE_URLS", null), ("DOTNET_NOLOGO", "1")], home.FullName);

        (await service.ExitAsync(TestTimeout.Long)).Should().Be(1);

        service.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Should().ContainSingle(line => line.Contains(address)).Which.Should().Contain("in use").And.Contain("--urls");
        service.Output.Should().NotContain("   at ").And.NotContain("Exception");
        await service.DisposeAsync();
        home.Delete(recursive: true);
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task The_address_itself_says_what_this_is_and_where_to_go_on_and_nothing_of_its_version()
    {
        await using var service = await RealService.StartAsync();
        using var http = new HttpClient { BaseAddress = service.Address };

        using var page = await http.GetAsync("");
        var text = await page.Content.ReadAsStringAsync();
        using var pipe = service.Visitor("cat1");
        using var elsewhere = await pipe.GetAsync("");

        page.StatusCode.Should().Be(HttpStatusCode.OK);
        text.Should().Contain("Duplexity").And.Contain("/health/ready").And.Contain("/api/openapi.json").And.NotMatchRegex(@"\d+\.\d+");
        page.Headers.Server.Should().BeEmpty();
        elsewhere.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await elsewhere.Content.ReadAsStringAsync()).Should().NotContain("/api/openapi.json");
        foreach (var path in (string[])["health/ready", "api/openapi.json"])
        {
            using var there = await http.GetAsync(path);
            there.StatusCode.Should().Be(HttpStatusCode.OK, path);
        }
    }
}
