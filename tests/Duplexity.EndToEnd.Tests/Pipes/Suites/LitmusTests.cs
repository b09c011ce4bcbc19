using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>litmus, the test suite for WebDAV servers, against Apache: directly and through a pipe.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
public sealed class LitmusTests(SuiteStage stage)
{
    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task Litmus_finds_the_same_through_a_pipe_line_by_line()
    {
        await using var apache = await Apache.StartAsync();
        await stage.Service.UpAsync("todd", $"dav={apache.Port}");

        // The system does not know *.localhost, so litmus is told a proxy. Both times: what it sends is the same.
        var direct = await LitmusAsync(apache.Port);
        var piped = await LitmusAsync(stage.Service.Port);

        piped.Should().Equal(direct);
        direct.Should().Contain(line => line.Contains("summary for `http'"), "every part of it ran");
        direct.Where(line => line.Contains("FAIL")).Should().BeEmpty(apache.Output);
    }

    private async Task<string[]> LitmusAsync(int proxy)
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-litmus-");
        await using var litmus = RealProcess.Start(
            ProcessTools.Find("litmus"), ["--keep-going", "--proxy", $"http://127.0.0.1:{proxy}", $"http://{stage.Service.Host("dav")}/dav/"], folder: folder.FullName);
        (await litmus.ExitAsync(TestTimeout.Long)).Should().Be(0, litmus.Output);
        folder.Delete(recursive: true);
        return litmus.Output.Split('\n');
    }
}
